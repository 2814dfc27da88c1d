"""What programs of another architecture need under qemu: the same, and time for it."""

from __future__ import annotations

from typing import Any

from tests.e2e.deploying import modules_of
from tests.patience import PATIENCE_S

SLOWER = 10
"""A Python that imports numpy: 0.2 s of a processor's time here, 1.8 s under qemu (of 32-bit Arm)."""
_SECOND = 1_000_000_000
HEALTH_CHECK = {
    "Interval": 60 * _SECOND,
    "Timeout": 300 * _SECOND,
    "StartPeriod": 900 * _SECOND,
    "Retries": 3,
}
"""The images' own check with the time that a Python needs to start under qemu on a busy machine: 10 s were too few."""


def patience_s(platform: str) -> float:
    """How long what is certain to come may take."""
    return PATIENCE_S if platform == "amd64" else SLOWER * PATIENCE_S


def unhurried(document: dict[str, Any], platform: str) -> dict[str, Any]:
    """The template, with more time for health checks where its modules are emulated."""
    if platform != "amd64":
        for module in modules_of(document).values():
            module["settings"]["createOptions"]["Healthcheck"] = HEALTH_CHECK
    return document
