"""What programs of another architecture need under qemu: the same, and time for it."""

from __future__ import annotations

from pathlib import Path
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

_CPUINFO = Path(__file__).with_name("cpuinfo.aarch64")
"""What a Cortex-A72 of two cores tells of itself."""


def processor(platform: str) -> dict[str, str]:
    """Environment of a container whose processor is emulated: one without SME.

    With the one that QEMU 7.2 emulates, int8 matrix products of 64-bit Arm are wrong: the golden vectors' scores are
    0.0 for 0.94, and right without it.
    """
    return {"QEMU_CPU": "cortex-a72"} if platform == "arm64v8" else {}


def volumes(platform: str) -> list[str]:
    """Volumes of such a container: a /proc/cpuinfo of its processor.

    QEMU before 8.2 shows programs of 64-bit Arm the host's; LiteRT, which finds no Arm core in it, ends with SIGSEGV
    as it makes its interpreter. On 32-bit Arm, and on a real processor, nothing is missing.
    """
    return [f"{_CPUINFO}:/proc/cpuinfo:ro"] if platform == "arm64v8" else []


def patience_s(platform: str) -> float:
    """How long what is certain to come may take."""
    return PATIENCE_S if platform == "amd64" else SLOWER * PATIENCE_S


def emulated(document: dict[str, Any], platform: str) -> dict[str, Any]:
    """The template, with what emulated modules need: more time for health checks, and their processor's description."""
    if platform != "amd64":
        for module in modules_of(document).values():
            module.setdefault("env", {}).update({k: {"value": v} for k, v in processor(platform).items()})
            options = module["settings"]["createOptions"]
            options["Healthcheck"] = HEALTH_CHECK
            options.setdefault("HostConfig", {}).setdefault("Binds", []).extend(volumes(platform))
    return document
