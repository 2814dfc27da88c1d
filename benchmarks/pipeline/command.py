"""`scripts/bench pipeline`: frames a second through the whole solution, with and without readers of its live page."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from benchmarks.device import Device, running_device
from benchmarks.errors import BenchmarkError
from benchmarks.pipeline.readers import browsers, streams
from benchmarks.progress import stage
from edge_runtime.supervisor.control_client import ControlClient

TARGET_SHARE = 0.95
ROUTE = "predictions"
"""Each frame takes it once: its prediction is on disk then."""
_SETTLE_S = 2.0
_READERS = {"streams": streams, "browsers": browsers}


@dataclass(frozen=True, slots=True)
class Pair:
    """Frames a second, one after the other on the same device."""

    without: float
    beside: float

    @property
    def share(self) -> float:
        return self.beside / self.without


@dataclass(frozen=True, slots=True)
class Found:
    """`rss_mb`: of each process, at the end."""

    pairs: Sequence[Pair]
    rss_mb: dict[str, float]

    def document(self) -> dict[str, Any]:
        shares = [pair.share for pair in self.pairs]
        return {
            "framesPerS": round(statistics.median(pair.without for pair in self.pairs), 1),
            "framesPerSBesideReaders": round(statistics.median(pair.beside for pair in self.pairs), 1),
            "pairs": [{"without": pair.without, "beside": pair.beside} for pair in self.pairs],
            "medianShare": round(statistics.median(shares), 4),
            "leastShare": round(min(shares), 4),
            "targetShare": TARGET_SHARE,
            "rssMB": self.rss_mb,
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", type=int, default=10, metavar="N", help="default 10")
    parser.add_argument(
        "--seconds", type=float, default=6.0, metavar="S", help="of each half of a pair (default 6)"
    )
    parser.add_argument("--number", type=int, default=2, metavar="N", help="readers of the page (default 2)")
    parser.add_argument(
        "--readers",
        choices=list(_READERS),
        default="streams",
        help="what takes the page's stream: lean clients, as browsers elsewhere are to this machine (default), or "
        "Chromiums on the same processors",
    )
    parser.add_argument(
        "--source", metavar="SPEC", help="what the camera feeds (default: cifar10:CIFAR10_DIR)"
    )
    parser.add_argument("--address", default="127.0.0.1", help="loopback address (default 127.0.0.1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        BenchmarkError: an option makes no sense, the device did not come up, or a reader was lost.
    """
    if options.pairs < 1 or options.number < 1 or options.seconds <= 0:
        raise BenchmarkError("--pairs and --number: at least 1; --seconds: more than 0")
    found = asyncio.run(_measured(options, _source(options.source)))
    if options.json:
        print(json.dumps(found.document(), indent=2))
    else:
        _print(found, options)


def _source(given: str | None) -> str:
    if given is not None:
        return given
    folder = os.environ.get("CIFAR10_DIR")
    if not folder:
        raise BenchmarkError("--source SPEC, or CIFAR10_DIR in the environment: a data set to feed")
    return f"cifar10:{Path(folder).absolute()}?split=train"


async def _measured(options: argparse.Namespace, source: str) -> Found:
    variables = {"CAMERA_SOURCE": source, "CAMERA_FPS": "0", "CAMERA_FRAMES": "0"}
    pairs: list[Pair] = []
    async with running_device(variables, address=options.address, arguments=["--page"]) as device:
        # The data set must not come to its end in the middle of a pair.
        ControlClient(Path(device.endpoints["control"])).patch_desired("camera", {"loop": True})
        with stage(f"{options.pairs} pairs") as progress:
            for number in range(options.pairs):
                pairs.append(await _pair(device, options))
                progress((number + 1) / options.pairs)
        used = {name: round(usage.rss_bytes / 1e6, 1) for name, usage in device.usage().items()}
    return Found(pairs, used)


async def _pair(device: Device, options: argparse.Namespace) -> Pair:
    """Which half comes first is drawn: what else changes with time falls on both alike."""
    rates: dict[bool, float] = {}
    for read in random.sample([False, True], 2):
        readers: AbstractAsyncContextManager[None] = nullcontext()
        if read:
            readers = _READERS[options.readers](device.endpoints["page"], options.number)
        async with readers:
            await asyncio.sleep(_SETTLE_S)
            rates[read] = await _rate(device, options.seconds)
    return Pair(without=rates[False], beside=rates[True])


async def _rate(device: Device, seconds: float) -> float:
    """Predictions that the hub stored, a second."""
    observer = device.endpoints["observer"]
    headers = {"Authorization": f"Bearer {observer['token']}"}
    async with aiohttp.ClientSession(observer["url"], headers=headers) as session:
        before, began = await _predictions(session), time.monotonic()
        await asyncio.sleep(seconds)
        after, ended = await _predictions(session), time.monotonic()
    if after == before:
        raise BenchmarkError(f"no prediction in {seconds:g} s; the logs are in {device.state / 'logs'}")
    return (after - before) / (ended - began)


async def _predictions(session: aiohttp.ClientSession) -> int:
    async with session.get("/v1/snapshot") as answer:
        answer.raise_for_status()
        routes = (await answer.json())["routes"]
    return int(next(route["matched"] for route in routes if route["name"] == ROUTE))


def _print(found: Found, options: argparse.Namespace) -> None:
    document = found.document()
    table = Table("pair", "frames/s, page not open", f"{options.number} {options.readers}", "share")
    for column in table.columns:
        column.justify = "right"
    for number, pair in enumerate(found.pairs, 1):
        table.add_row(str(number), f"{pair.without:,.1f}", f"{pair.beside:,.1f}", f"{pair.share:.3f}")
    console = Console(highlight=False)
    console.print(table)
    memory = ", ".join(f"{name} {size:g}" for name, size in document["rssMB"].items())
    console.print(
        f"median {document['framesPerS']:,} frames/s, with {options.number} {options.readers} of the page "
        f"{document['framesPerSBesideReaders']:,}: median share {document['medianShare']:.3f} "
        f"(target {TARGET_SHARE}), least {document['leastShare']:.3f}. RSS in MB: {memory}",
        markup=False,
        soft_wrap=True,
    )
