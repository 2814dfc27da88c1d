"""`scripts/bench idle`: processor time, wake-ups and memory of the solution while nothing happens, and its start."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.device import Device, running_device
from benchmarks.errors import BenchmarkError
from benchmarks.idle.mosquitto import Mosquitto, measure
from benchmarks.processes import Usage
from benchmarks.progress import stage

TARGET_PERCENT, TARGET_START_S = 2.0, 3.0
SOLUTION = {"CAMERA_SOURCE": "sample:", "CAMERA_FPS": "10", "CAMERA_FRAMES": "1"}
"""One frame, then the camera has nothing left to send."""
_SETTLE_S = 15.0
"""After the start: the last reports, and what the interpreter does behind them."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds until every module was connected, and processor time that all processes took for it."""

    connected_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """`used`: of each process over `seconds`."""

    starts: Sequence[Start]
    used: Mapping[str, Usage]
    mosquitto: Mosquitto | None
    seconds: float

    @property
    def percent(self) -> float:
        return 100 * sum(usage.cpu_s for usage in self.used.values()) / self.seconds

    def document(self) -> dict[str, Any]:
        beside = self.mosquitto
        return {
            "startsS": [round(start.connected_s, 3) for start in self.starts],
            "startMedianS": round(statistics.median(start.connected_s for start in self.starts), 3),
            "startCpuMedianS": round(statistics.median(start.cpu_s for start in self.starts), 2),
            "targetStartS": TARGET_START_S,
            "idlePercent": round(self.percent, 3),
            "targetIdlePercent": TARGET_PERCENT,
            "processes": {name: self._row(usage) for name, usage in self.used.items()},
            "mosquitto": None
            if beside is None
            else {**self._row(beside.usage), "connectedS": round(beside.connected_s, 3)},
            "seconds": self.seconds,
        }

    def _row(self, usage: Usage) -> dict[str, float]:
        return {
            "percent": round(100 * usage.cpu_s / self.seconds, 3),
            "wakeupsPerS": round(usage.wakeups / self.seconds, 2),
            "rssMB": round(usage.rss_bytes / 1e6, 1),
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="idle time measured (default 60)"
    )
    parser.add_argument("--starts", type=int, default=5, metavar="N", help="default 5")
    parser.add_argument("--address", default="127.0.0.1", help="loopback address (default 127.0.0.1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        BenchmarkError: an option makes no sense, or the device did not come up.
    """
    if options.starts < 1 or options.seconds < 1:
        raise BenchmarkError("--starts and --seconds: at least 1")
    found = asyncio.run(_measured(options.address, options.starts, options.seconds))
    if options.json:
        print(json.dumps(found.document(), indent=2))
    else:
        _print(found)


async def _measured(address: str, starts: int, seconds: float) -> Found:
    measured: list[Start] = []
    used: dict[str, Usage] = {}
    for number in range(1, starts + 1):
        with stage(f"start {number} of {starts}"):
            async with running_device(SOLUTION, address=address) as device:
                usage = device.usage()
                measured.append(
                    Start(max(device.connected_s.values()), sum(one.cpu_s for one in usage.values()))
                )
                if number == starts:
                    used = await _idle(device, seconds)
    with stage("mosquitto"), tempfile.TemporaryDirectory(prefix="idle-") as folder:
        beside = await measure(address, Path(folder), len(device.connected_s), seconds)
    return Found(measured, used, beside, seconds)


async def _idle(device: Device, seconds: float) -> dict[str, Usage]:
    await asyncio.sleep(_SETTLE_S)
    before = device.usage()
    await asyncio.sleep(seconds)
    return {name: usage.since(before[name]) for name, usage in device.usage().items()}


def _print(found: Found) -> None:
    document = found.document()
    table = Table("process", "% of a core", "wake-ups/s", "RSS, MB")
    rows = dict(document["processes"])
    if document["mosquitto"] is not None:
        rows["mosquitto"] = document["mosquitto"]
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in rows.items():
        table.add_row(name, f"{row['percent']:.2f}", f"{row['wakeupsPerS']:.1f}", f"{row['rssMB']:.1f}")
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"over {found.seconds:g} s. The solution: {document['idlePercent']} % of a core (target {TARGET_PERCENT:g} %). "
        f"Start to all modules connected: median {document['startMedianS']} s of {len(found.starts)} "
        f"(target {TARGET_START_S:g} s), {document['startCpuMedianS']} s of processor time. "
        + _beside(found.mosquitto),
        markup=False,
        soft_wrap=True,
    )


def _beside(mosquitto: Mosquitto | None) -> str:
    if mosquitto is None:
        return "mosquitto is not installed (apt-get install mosquitto): nothing stands beside the hub."
    return f"mosquitto, to be read beside the hub, had as many clients after {mosquitto.connected_s:.2f} s."
