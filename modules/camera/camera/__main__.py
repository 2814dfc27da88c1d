"""`python3 -m camera`."""

from __future__ import annotations

from camera.program import main
from camera.self_test import self_test
from camera.settings import CameraSettings
from module_kit.module import run_module

if __name__ == "__main__":
    run_module("camera", CameraSettings, main, self_test=self_test)
