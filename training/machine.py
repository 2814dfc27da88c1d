"""The machine in words, for the model card."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor and its core count, such as `Intel(R) Xeon(R) Processor (x86_64), 2 cores`."""
    return f"{_processor()} ({platform.machine()}), {len(os.sched_getaffinity(0))} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
