"""`scripts/bench recovery`: how long after a `kill -9` of the hub under load the next message arrives."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import shlex
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.device import Device, running_device
from benchmarks.errors import BenchmarkError
from benchmarks.progress import stage
from benchmarks.recovery.kill import PATIENCE_S, Recovery, kill_hub
from benchmarks.recovery.ledger import Comparison, compare, read_acknowledged, read_arrivals
from edge_runtime.agent import kernel
from edge_runtime.supervisor.control_client import ControlClient

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SENDERS, RECEIVER = ("alpha", "beta"), "gamma"
TRACKS = 4
TARGET_S = 2.0
_QUIET_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="default 20")
    parser.add_argument("--seed", type=int, help="of the moments of the kills (default: drawn and printed)")
    parser.add_argument("--address", default="127.0.0.1", help="loopback address (default 127.0.0.1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        BenchmarkError: the device did not come up, or did not come back after a kill.
    """
    if options.kills < 1:
        raise BenchmarkError(f"--kills: {options.kills} is less than 1")
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    with tempfile.TemporaryDirectory(prefix="recovery-") as folder:
        recoveries, ledger = asyncio.run(
            _measured(options.address, options.kills, random.Random(seed), Path(folder))
        )
    delivered = [recovery.delivered_s for recovery in recoveries]
    document = {
        "seed": seed,
        "kills": [recovery.document() for recovery in recoveries],
        "medianS": round(statistics.median(delivered), 3),
        "p99S": round(_p99(delivered), 3),
        "targetMedianS": TARGET_S,
        "arrived": ledger.arrived,
        "lost": len(ledger.missing),
        "outOfOrder": len(ledger.out_of_order),
        "again": ledger.replays,
    }
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        _print(recoveries, document)


async def _measured(
    address: str, kills: int, draw: random.Random, folder: Path
) -> tuple[Sequence[Recovery], Comparison]:
    ledgers = {name: folder / name for name in (*SENDERS, RECEIVER)}
    programs = {name: f"{HERE / 'sender.py'} {ledgers[name]} {TRACKS}" for name in SENDERS}
    programs[RECEIVER] = f"{HERE / 'receiver.py'} {ledgers[RECEIVER]}"
    path = f"PYTHONPATH={shlex.quote(str(ROOT / 'libs'))}"
    arguments = [
        word
        for name, program in programs.items()
        for word in ("--module", f"{name}=env {path} {shlex.quote(sys.executable)} {program}")
    ]
    recoveries = []
    async with running_device(
        {}, address=address, manifest=HERE / "deployment.json", arguments=arguments
    ) as device:
        with stage(f"{kills} kills") as progress:
            for number in range(kills):
                await _flows(ledgers.values())
                await asyncio.sleep(draw.uniform(1.0, 2.0))
                recoveries.append(await kill_hub(device, RECEIVER, ledgers[RECEIVER]))
                progress((number + 1) / kills)
        with stage("letting the queues empty"):
            await _flows(ledgers.values())
            await _emptied(device, ledgers[RECEIVER])
    acknowledged = [line for name in SENDERS for line in read_acknowledged(ledgers[name])]
    return recoveries, compare(acknowledged, read_arrivals(ledgers[RECEIVER]))


async def _flows(files: Iterable[Path]) -> None:
    """Until each file has grown."""
    sizes = {file: _size(file) for file in files}
    await _until(
        lambda: all(_size(file) > size for file, size in sizes.items()), "every module sends or receives"
    )


async def _emptied(device: Device, arrivals: Path) -> None:
    """End the senders and wait for all that is under way: in the hub, then in the receiver's SDK."""
    senders = [
        process
        for name, pid in device.pids().items()
        if name in SENDERS and (process := kernel.identify(pid))
    ]
    for process in senders:
        kernel.send(process, signal.SIGTERM)
    await _until(lambda: not any(map(kernel.is_alive, senders)), "the senders' end")
    control = ControlClient(Path(device.endpoints["control"]))
    await _until(lambda: not _waiting(control.queues()), "empty queues")
    size, since = _size(arrivals), time.monotonic()
    while time.monotonic() - since < _QUIET_S:
        await asyncio.sleep(0.1)
        if _size(arrivals) != size:
            size, since = _size(arrivals), time.monotonic()


async def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"not within {PATIENCE_S:.0f} s: {what}")
        await asyncio.sleep(0.05)


def _waiting(queues: dict[str, Any]) -> int:
    lengths: list[int] = [queue["length"] for queue in queues["queues"]]
    return sum(lengths) + int(queues["unacknowledged"])


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _p99(values: Sequence[float]) -> float:
    """Nearest rank: of few values the greatest."""
    return sorted(values)[math.ceil(0.99 * len(values)) - 1]


def _print(recoveries: Sequence[Recovery], document: dict[str, Any]) -> None:
    table = Table("kill", "new process", "ready", f"{RECEIVER} connected", "first delivery, s")
    for column in table.columns:
        column.justify = "right"
    for number, recovery in enumerate(recoveries, 1):
        table.add_row(str(number), *(f"{value:.3f}" for value in astuple(recovery)))
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"seconds from the kill; median {document['medianS']} s (target {TARGET_S:g} s), p99 {document['p99S']} s; "
        f"{document['arrived']} messages arrived, {document['lost']} acknowledged ones lost, "
        f"{document['outOfOrder']} out of order, {document['again']} came again; seed {document['seed']}",
        markup=False,
        soft_wrap=True,
    )
