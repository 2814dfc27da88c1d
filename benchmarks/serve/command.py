"""`scripts/bench serve`: our web service beside LitServe, MLServer and BentoML, in one run, with the same client."""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.errors import BenchmarkError
from benchmarks.progress import stage, tell
from benchmarks.serve.instance import Instance, started
from benchmarks.serve.load import Measured, drive
from benchmarks.serve.open_loop import OpenLoad, drive_open
from benchmarks.serve.subjects import OURS, OURS_BASE64, ROOT, SUBJECTS, Place, free_port, python_of
from training.machine import machine

SAMPLES = ROOT / "modules" / "camera" / "camera" / "samples"
CONNECTIONS = (1, 16, 64)
OVERLOAD = 640
"""Ten times the most connections that are compared. Not ten times the load: a refused connection is held back."""
TIMES = 10
"""The open load, by the most that was answered in the same round."""
WITHIN_S = 1.0
"""An answer under the open load that comes later does not count."""
TAIL = 16
"""Connections at which the 99th percentile is compared."""
_WARM_S = 1.0
_BUSY = 0.9
"""Beyond this part of a processor a client is late by itself."""
_TICK_S = 0.01
"""The least processor time that is told."""
_TABLE_COLUMNS = 150


@dataclass
class Found:
    """What the rounds found of one subject; `loads` by connections, and good answers by its own processor time."""

    ready_s: list[float] = field(default_factory=list)
    rss_mb: list[list[float]] = field(default_factory=list)
    loads: dict[int, list[Measured]] = field(default_factory=dict)
    open_loads: list[OpenLoad] = field(default_factory=list)
    per_processor_s: dict[int, list[float]] = field(default_factory=dict)
    open_per_processor_s: list[float] = field(default_factory=list)

    def median(self, connections: int, what: str) -> float:
        values: list[float] = [getattr(load, what) for load in self.loads[connections]]
        return statistics.median(values)

    def open_median(self, what: str) -> float:
        values: list[float] = [getattr(load, what) for load in self.open_loads]
        return statistics.median(values)

    @property
    def worker_mb(self) -> float:
        """The greatest process of the greatest round."""
        return max(sizes[0] for sizes in self.rss_mb)

    @property
    def sum_mb(self) -> float:
        return max(sum(sizes) for sizes in self.rss_mb)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only", action="append", choices=list(SUBJECTS), help="again for more (default: everything)"
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of each service (default 3)")
    parser.add_argument(
        "--seconds",
        type=int,
        default=5,
        metavar="S",
        help="of one measurement, after 1 s to warm up (default 5)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="worker processes of each service (default: one a processor)",
    )
    parser.add_argument(
        "--times",
        type=float,
        default=TIMES,
        metavar="X",
        help=f"open load on our service, by the most that it answers (default {TIMES})",
    )
    parser.add_argument(
        "--bundle", default="fast", help="shipped bundle, or a bundle's folder (default fast)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        BenchmarkError: a service cannot be set up, does not answer, or breaks connections.
    """
    for name in ("rounds", "seconds", "workers"):
        if getattr(options, name) < 1:
            raise BenchmarkError(f"--{name}: {getattr(options, name)} is less than 1")
    if options.times <= 0:
        raise BenchmarkError(f"--times: {options.times:g} is not above 0")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: whatever was started is ended
    names = options.only or list(SUBJECTS)
    pythons = {name: python_of(SUBJECTS[name]) for name in names}
    pictures, found = drawn_pictures(), {name: Found() for name in names}
    load, order = os.getloadavg()[0], list(names)
    for number in range(options.rounds):
        random.shuffle(order)
        for name in order:
            with stage(f"round {number + 1}, {name}"):
                _measure(name, pythons[name], pictures, options, found[name])
    about = {"machine": machine(), "loadAverage": round(load, 1), "workers": options.workers}
    if options.json:
        print(json.dumps(document(found, about)))
    else:
        _print(found, about, options)


def drawn_pictures() -> list[bytes]:
    """The camera's sample drawings as JPEG, 96x96."""
    pictures = []
    for path in sorted(SAMPLES.glob("*.png")):
        buffer = io.BytesIO()
        with Image.open(path) as image:
            image.convert("RGB").save(buffer, "JPEG", quality=90)
        pictures.append(buffer.getvalue())
    if not pictures:
        raise BenchmarkError(f"{SAMPLES}: no pictures; scripts/draw-samples draws them")
    return pictures


def document(found: dict[str, Found], about: dict[str, Any]) -> dict[str, Any]:
    """All figures of every round, and the ratios."""
    services = {
        name: {
            "readyS": one.ready_s,
            "rssMb": one.rss_mb,
            "loads": [asdict(load) for loads in one.loads.values() for load in loads],
            "openLoads": [asdict(load) for load in one.open_loads],
            "answersPerProcessorS": one.per_processor_s,
            "openGoodPerProcessorS": one.open_per_processor_s,
        }
        for name, one in found.items()
    }
    return {
        **about,
        "services": services,
        "ratioToBestPeer": ratios(found),
        "p99ToBestPeer": p99_ratio(found),
        "offered": offered(found),
        "goodput": goodput(found),
        "openOffered": open_ratio(found, "offered"),
        "openReached": open_ratio(found, "reached"),
        "openGoodput": open_ratio(found, "goodput"),
        "openGoodputByProcessor": open_by_processor(found),
    }


def ratios(found: dict[str, Found]) -> dict[str, float]:
    """Answers a second of our service by those of the best peer, for each number of connections."""
    peers = [one for name, one in found.items() if name not in (OURS, OURS_BASE64)]
    if OURS not in found or not peers:
        return {}
    return {
        str(connections): found[OURS].median(connections, "answered")
        / max(peer.median(connections, "answered") for peer in peers)
        for connections in CONNECTIONS
    }


def p99_ratio(found: dict[str, Found]) -> float | None:
    """Our 99th percentile by the least of the peers, at `TAIL` connections; above 1 is worse than a peer."""
    peers = [one for name, one in found.items() if name not in (OURS, OURS_BASE64)]
    if OURS not in found or not peers:
        return None
    return found[OURS].median(TAIL, "p99_ms") / min(peer.median(TAIL, "p99_ms") for peer in peers)


def goodput(found: dict[str, Found]) -> float | None:
    """Pictures that our service answers under overload, by the most that it answers without."""
    return found[OURS].median(OVERLOAD, "answered") / _most(found[OURS]) if OURS in found else None


def offered(found: dict[str, Found]) -> float | None:
    """Requests that the overload brought to our service, by the most that it answers without."""
    if OURS not in found:
        return None
    ours = found[OURS]
    return (ours.median(OVERLOAD, "answered") + ours.median(OVERLOAD, "refused")) / _most(ours)


def open_ratio(found: dict[str, Found], what: str) -> float | None:
    """Of the open load `offered`, `reached` or `goodput`, by the most that our service answers without overload."""
    if OURS not in found or not found[OURS].open_loads:
        return None
    return found[OURS].open_median(what) / _most(found[OURS])


def open_by_processor(found: dict[str, Found]) -> float | None:
    """Good answers for the processor time that our service had under the open load, by those at its most."""
    if OURS not in found or not found[OURS].open_per_processor_s:
        return None
    ours = found[OURS]
    at = max(CONNECTIONS, key=lambda connections: ours.median(connections, "answered"))
    return statistics.median(ours.open_per_processor_s) / statistics.median(ours.per_processor_s[at])


def _most(one: Found) -> float:
    return max(one.median(connections, "answered") for connections in CONNECTIONS)


def _measure(
    name: str, python: str, pictures: Sequence[bytes], options: argparse.Namespace, into: Found
) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-serve-", ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder), options.bundle, options.workers, free_port())
        with started(SUBJECTS[name], python, place, pictures) as instance:
            into.ready_s.append(instance.ready_s)
            for connections in (*CONNECTIONS, OVERLOAD) if name == OURS else CONNECTIONS:
                drive(instance.port, instance.requests, connections, _WARM_S)
                before = instance.processor_s()
                measured = drive(instance.port, instance.requests, connections, options.seconds)
                per_s = measured.answered * options.seconds / max(_TICK_S, instance.processor_s() - before)
                into.per_processor_s.setdefault(connections, []).append(per_s)
                into.loads.setdefault(connections, []).append(measured)
                if measured.broken or (measured.refused and connections != OVERLOAD):
                    tell(
                        f"{name}, {connections} connections: {measured.broken} broken, {measured.refused:.0f}/s refused"
                    )
                if connections == CONNECTIONS[-1]:
                    into.rss_mb.append(instance.rss_mb())
            if name == OURS:
                into.open_loads.append(_overload(instance, into, options))


def _overload(instance: Instance, found: Found, options: argparse.Namespace) -> OpenLoad:
    most = max(found.loads[connections][-1].answered for connections in CONNECTIONS)
    requests = [path.read_bytes() for path in instance.requests]
    rate = options.times * most
    used = [instance.processor_s()]
    load = drive_open(
        instance.port,
        requests,
        rate,
        options.seconds,
        within_s=WITHIN_S,
        ended=lambda: used.append(instance.processor_s()),
    )
    found.open_per_processor_s.append(load.good / max(_TICK_S, used[1] - used[0]))
    if load.busy > _BUSY or load.unsent:
        tell(
            f"open load: {load.offered:,.0f} of {rate:,.0f} requests a second were sent and the client used "
            f"{load.busy:.0%} of a processor: it may be the client that is slow"
        )
    return load


def _print(found: dict[str, Found], about: dict[str, Any], options: argparse.Namespace) -> None:
    table = Table(
        "service",
        "ready s",
        "greatest MB",
        "sum MB",
        *(f"{c} conn.\nanswers/s\np50, p95, p99 ms" for c in CONNECTIONS),
        caption=f"{about['machine']}, load average {about['loadAverage']} before; {options.workers} workers, bundle "
        f"{options.bundle}, JPEG of 96x96. Medians of {options.rounds} rounds of {options.seconds} s, in turns; wrk on "
        "the same machine. MB: of the greatest process and of all, after 64 connections.",
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for name, one in found.items():
        cells = [
            f"{one.median(c, 'answered'):,.0f}\n"
            + ", ".join(f"{one.median(c, what):.1f}" for what in ("p50_ms", "p95_ms", "p99_ms"))
            for c in CONNECTIONS
        ]
        table.add_row(
            name, f"{statistics.median(one.ready_s):.2f}", f"{one.worker_mb:.0f}", f"{one.sum_mb:.0f}", *cells
        )
    console = Console() if sys.stdout.isatty() else Console(width=_TABLE_COLUMNS)
    console.print(table)
    for connections, ratio in ratios(found).items():
        console.print(f"{connections} connections: {ratio:.2f} times the best peer")
    tail = p99_ratio(found)
    if tail is not None:
        console.print(f"{TAIL} connections: p99 {tail:.2f} times that of the best peer")
    if OURS in found:
        one = found[OURS]
        console.print(
            f"overload, {OVERLOAD} connections: {one.median(OVERLOAD, 'answered'):,.0f} answered and "
            f"{one.median(OVERLOAD, 'refused'):,.0f} refused a second, offered {offered(found):.2f} and "
            f"goodput {goodput(found):.2f} times the most"
        )
        _print_open(one, found, console)


def _print_open(one: Found, found: dict[str, Found], console: Console) -> None:
    middle = one.open_median
    console.print(
        f"open load: offered {open_ratio(found, 'offered'):.2f}, of that reached the service "
        f"{open_ratio(found, 'reached'):.2f}, and goodput (answers within {WITHIN_S:g} s) "
        f"{open_ratio(found, 'goodput'):.2f} times the most; by the service's processor time goodput "
        f"{open_by_processor(found):.2f} times that at the most; {middle('offered'):,.0f} requests a second, "
        f"{middle('goodput'):,.0f} answered in time. Of {middle('due'):,.0f}: {middle('late'):,.0f} late, "
        f"{middle('refused'):,.0f} refused, {middle('failed'):,.0f} failed, {middle('broken'):,.0f} broken, "
        f"{middle('unanswered'):,.0f} unanswered, {middle('unconnected'):,.0f} without a connection that came in time, "
        f"{middle('unsent'):,.0f} not sent. Answers since they were due: "
        f"p50 {middle('p50_ms'):.0f}, p95 {middle('p95_ms'):.0f}, p99 {middle('p99_ms'):.0f} ms. "
        f"Client: {middle('busy'):.0%} of a processor"
    )
