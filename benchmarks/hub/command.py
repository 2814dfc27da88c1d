"""`scripts/bench hub`: the hub beside mosquitto and amqtt, in one run, with the same clients."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from benchmarks.errors import BenchmarkError
from benchmarks.hub import backlog, report
from benchmarks.hub.brokers import Place
from benchmarks.hub.scenarios import BROKERS, HUB, SCENARIOS, Measured, Places, measure
from benchmarks.progress import stage, tell
from training.machine import machine

TABLE_COLUMNS = 170
"""Width of the tables where there is no terminal to fit."""
_BYTES_A_MESSAGE = 1700
"""On disk, of a message of 1 KiB."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        action="append",
        choices=[*SCENARIOS, "backlog"],
        help="again for more (default: everything)",
    )
    parser.add_argument("--rounds", type=_positive, default=3, help="of each broker (default 3)")
    parser.add_argument(
        "--seconds", type=float, default=5.0, metavar="S", help="of one measurement (default 5)"
    )
    parser.add_argument(
        "--messages",
        type=_positive,
        default=1_000_000,
        metavar="N",
        help="of the backlog (default 1,000,000)",
    )
    parser.add_argument("--quick", action="store_true", help="one round of 1 s, a backlog of 20,000")
    parser.add_argument(
        "--network", type=_network, default=_network("127.88.0.0/24"), metavar="NET",
        help="loopback addresses to use, port 8883 of each (default 127.88.0.0/24)",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, help="where the stores are written (default: the system's temporary folder)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        BenchmarkError: the hub could not be measured, or it lost, doubled or disordered a message.
    """
    if options.quick:
        options.rounds, options.seconds = 1, min(options.seconds, 1.0)
        options.messages = min(options.messages, 20_000)
    chosen = options.only or [*SCENARIOS, "backlog"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: whatever was started is ended
    load = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory(prefix="bench-hub-", dir=options.folder) as folder,
        tempfile.TemporaryDirectory(prefix="bench-hub-") as sockets,
    ):
        places = _places(options.network, Path(folder), Path(sockets))
        measured = _flows([scenario for scenario in SCENARIOS if scenario in chosen], options, places)
        backlogs = _backlogs(options.messages, Path(folder), places) if "backlog" in chosen else []
    about = {
        "machine": machine(),
        "python": f"{platform.python_version()}, {'PGO' if _optimised() else 'PGO not told'}",
        "loadAverage": round(load, 1),
        "seconds": options.seconds,
    }
    if options.json:
        print(json.dumps(report.document(measured, backlogs, about)))
    else:
        _print(measured, backlogs, about)
    faults = sum(m.faults for m in measured if m.broker == HUB) + sum(b.faults for b in backlogs)
    if faults:
        raise BenchmarkError(f"the hub lost, doubled or disordered {faults} messages")


def _flows(scenarios: list[str], options: argparse.Namespace, places: Places) -> list[Measured]:
    measured: list[Measured] = []
    for name in scenarios:
        with stage(SCENARIOS[name].title) as progress:
            measured += measure(
                name,
                rounds=options.rounds,
                seconds=options.seconds,
                places=places,
                progress=progress,
            )
    for row in measured:
        for failure in row.failures:
            tell(f"{row.broker}, {SCENARIOS[row.scenario].title}: {failure}")
    return measured


def _backlogs(messages: int, folder: Path, places: Places) -> list[backlog.Backlog]:
    needed = 2 * messages * _BYTES_A_MESSAGE
    if shutil.disk_usage(folder).free < needed:
        raise BenchmarkError(f"{folder}: {needed / 1e9:.1f} GB must be free for the backlog; see --folder")
    found = []
    for number, measured in enumerate((backlog.to_raw_client, backlog.to_local_iothub)):
        place = places(HUB, f"backlog-{number}")
        found.append(measured(place, messages))
        shutil.rmtree(place.folder)
    return found


def _print(measured: list[Measured], backlogs: list[backlog.Backlog], about: Mapping[str, object]) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=TABLE_COLUMNS)
    caption = (
        f"{about['machine']}, load average {about['loadAverage']} before; Python {about['python']}. Medians of the "
        f"rounds of {about['seconds']:g} s, in turns; QoS 1, TLS, two processes of the SDK or one of the raw client, "
        "100 messages in flight or 500 a second. Ratio: of messages out, within a round. The hub stores each message "
        "on disk before it acknowledges it; the others keep none."
    )
    if measured:
        console.print(report.flow_table(measured, caption))
    if backlogs:
        console.print(report.backlog_table(backlogs))


def _places(network: ipaddress.IPv4Network, folder: Path, sockets: Path) -> Places:
    """An address for each broker, a folder for each run of it."""
    addresses = dict(zip(BROKERS, network.hosts(), strict=False))

    def place(broker: str, name: str) -> Place:
        certificates = folder / f"certificates-{broker}"
        return Place(str(addresses[broker]), folder / f"{name}-{broker}", certificates, sockets)

    return place


def _network(text: str) -> ipaddress.IPv4Network:
    network = ipaddress.IPv4Network(text)
    if not network.is_loopback or network.num_addresses < len(BROKERS) + 2:
        raise argparse.ArgumentTypeError(f"{text}: expected a loopback network such as 127.88.0.0/24")
    return network


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return number


def _optimised() -> bool:
    """Does this interpreter say that it was built with profile-guided optimisation? Debian's was, but does not."""
    import sysconfig  # noqa: PLC0415 - reads a large file

    return "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
