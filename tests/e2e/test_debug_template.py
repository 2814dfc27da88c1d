"""The debug template as processes: its images start under debugpy, which no container keeps from the network here."""

from __future__ import annotations

import importlib.util

from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT
from tests.patience import wait_for


def test_the_pipeline_runs_from_the_debug_template(device: StartDevice) -> None:
    running = device(ROOT / "deployment.debug.template.json", CAMERA_FPS="20").up()
    wait_for(
        lambda: '"label"' in running.command("events", "--output", "events", "--json").stdout, "an event"
    )
    for module, port in (("camera", 5678), ("classifier", 5679), ("results_filter", 5680)):
        if importlib.util.find_spec("debugpy"):
            assert f"{module}: debugpy listens on {running.address}:{port}" in running.said()
        else:
            assert f"{module}: debugpy, under which its image starts it, is not installed" in running.said()
    assert running.stop() == 0
