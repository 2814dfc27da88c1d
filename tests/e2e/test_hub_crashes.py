"""`kill -9` of the hub under load: nothing acknowledged is lost, order is kept, no more than the window comes again.

`scripts/soak --kills 200` kills it more often than the suite does.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks.recovery.ledger import Arrival, compare, read_acknowledged, read_arrivals, replays_after
from edge_runtime.hub.module_delivery import WINDOW
from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device, alive, program
from tests.e2e.hub_syscalls import STEPS, Step, connection_of, kill_at
from tests.edge.manifest import deployment
from tests.patience import PATIENCE_S, wait_for

PROGRAMS = ROOT / "benchmarks" / "recovery"
SENDERS = ("alpha", "beta")
TRACKS = 4
QUIET_S = 3.0
KILLS = int(os.environ.get("LEDGER_KILLS") or 20)
ROUTES = {
    name: f'FROM /messages/modules/{name}/outputs/out INTO BrokeredEndpoint("/modules/gamma/inputs/in")'
    for name in SENDERS
}


class Load:
    """Two senders and a receiver on one device, and their ledgers."""

    def __init__(self, device: Device, folder: Path, stack: ExitStack) -> None:
        self.device = device
        self._arrivals = folder / "arrivals"
        self._ledgers = {name: folder / f"acknowledged-{name}" for name in SENDERS}
        receiver = (sys.executable, str(PROGRAMS / "receiver.py"), str(self._arrivals))
        self.receiver = stack.enter_context(program(device, "gamma", *receiver))
        self.senders = {}
        for name, ledger in self._ledgers.items():
            sender = (sys.executable, str(PROGRAMS / "sender.py"), str(ledger), str(TRACKS))
            self.senders[name] = stack.enter_context(program(device, name, *sender))

    @property
    def acknowledged(self) -> list[tuple[str, int]]:
        return [line for ledger in self._ledgers.values() for line in read_acknowledged(ledger)]

    @property
    def arrivals(self) -> list[Arrival]:
        return read_arrivals(self._arrivals)

    def flows(self) -> None:
        """Wait until every track is acknowledged anew, and one of these messages has arrived.

        So no message is under way at two kills, which would make what its sender sent again look like the hub's
        doing; and what the hub has repeated after the last kill, being older, has arrived.
        """
        arrived = _size(self._arrivals)
        before = {file: _size(file) for file in self._ledgers.values()}

        def flowing() -> bool:
            anew = {line for file, size in before.items() for line in read_acknowledged(file, size)}
            return len({track for track, _ in anew}) == TRACKS * len(SENDERS) and any(
                (arrival.track, arrival.sequence) in anew
                for arrival in read_arrivals(self._arrivals, arrived)
            )

        wait_for(flowing, "messages flow")

    def connection(self, peer: str) -> int:
        process = self.receiver if peer == "receiver" else self.senders["alpha"]
        address = self.device.address
        assert address is not None
        inode: int = wait_for(lambda: connection_of(address, process.pid), f"a connection of the {peer}")
        return inode

    def end(self) -> None:
        """Let the senders finish what is under way, and the receiver get what waits."""
        for sender in self.senders.values():
            sender.send_signal(signal.SIGTERM)
        for name, sender in self.senders.items():
            assert sender.wait(PATIENCE_S) == 0, self.device.state.with_name(f"{name}.log").read_text()[
                -2000:
            ]
        wait_for(lambda: not any(self.device.queues().values()) and self._settled(), "empty queues")
        self._handled()

    def _handled(self) -> None:
        """Wait for the receiver's handlers: the SDK confirms to the hub before it runs them."""
        size, since = _size(self._arrivals), time.monotonic()
        while time.monotonic() - since < QUIET_S:
            time.sleep(0.1)
            if _size(self._arrivals) != size:
                size, since = _size(self._arrivals), time.monotonic()

    def _settled(self) -> bool:
        unacknowledged: int = self.device.snapshot()["unacknowledged"]
        return not unacknowledged


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def kill_points(seed: int, kills: int) -> list[tuple[Step | None, random.Random]]:
    """In an order drawn by the seed; None is a moment that has nothing to do with what the hub is doing.

    Two of five are such moments, the others are spread over the steps.
    """
    draw = random.Random(seed)  # noqa: S311
    at_steps = kills * 3 // 5
    points: list[Step | None] = [STEPS[n % len(STEPS)] if n < at_steps else None for n in range(kills)]
    draw.shuffle(points)
    return [(point, random.Random(draw.random())) for point in points]  # noqa: S311


def kill_hub(load: Load, step: Step | None, draw: random.Random, strace: str, log: Path) -> str:
    """Kill it there; where that was."""
    hub = load.device.hub()
    if step is None:
        delay_s = draw.uniform(0.0, 0.3)
        time.sleep(delay_s)
        os.kill(hub["pid"], signal.SIGKILL)
        where = f"{1000 * delay_s:.0f} ms later"
    else:
        peer = None if step.peer is None else load.connection(step.peer)
        nth = draw.randint(1, 20)
        assert kill_at(strace, hub["pid"], step, nth, peer, log), f"the hub never came to: {step.name}"
        where = f"{step.name}, {step.call} number {nth}"
    wait_for(lambda: not alive(hub), "the hub's end")
    return where


@pytest.mark.slow
@pytest.mark.timeout(600 + 30 * KILLS)
def test_kills_lose_nothing_acknowledged(device: StartDevice, short: Path, strace: str) -> None:
    seed = int(os.environ.get("LEDGER_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"LEDGER_SEED={seed}")  # noqa: T201
    points = kill_points(seed, KILLS)
    left_out = [word for name in (*SENDERS, "gamma") for word in ("--without", name)]
    running = device(deployment({name: {} for name in (*SENDERS, "gamma")}, ROUTES), *left_out).up()
    with ExitStack() as stack:
        load = Load(running, short, stack)
        arrived = []
        for number, (step, draw) in enumerate(points):
            load.flows()
            where = kill_hub(load, step, draw, strace, short / "strace")
            arrived.append(len(load.arrivals))
            print(number, where)  # noqa: T201
        load.flows()
        load.end()
    acknowledged, arrivals = load.acknowledged, load.arrivals
    found = compare(acknowledged, arrivals)
    again = replays_after(arrivals, arrived)
    print(  # noqa: T201
        f"{len(points)} kills, {len(acknowledged)} acknowledged, {len(found.missing)} lost, {len(arrivals)} arrived, "
        f"{found.replays} again; by the hub after a kill {statistics.median(again):g} (median), {max(again)} (most)"
    )
    assert found.missing == []
    assert found.out_of_order == []
    assert found.other_ids == []
    assert max(again) <= WINDOW


@pytest.mark.slow
def test_the_modules_go_on_after_each_kill(device: StartDevice) -> None:
    running = device(None, CAMERA_SOURCE="sample:", CAMERA_FPS="100").up()
    with running.feed("stored") as feed:
        feed.stored("predictions")
    modules = running.processes["modules"]
    for _ in range(5):
        hub = running.hub()
        os.kill(hub["pid"], signal.SIGKILL)
        wait_for(lambda: not alive(hub) and running.hub() != hub, "another hub")  # noqa: B023
        wait_for(lambda: _predicts(running), "predictions")
    assert running.processes["modules"] == modules


def _predicts(running: Device) -> bool:
    """Whether the hub that runs now has stored a prediction; not, while none answers."""
    try:
        routes = running.snapshot()["routes"]
    except OSError:
        return False
    return any(route["matched"] for route in routes if route["name"] == "predictions")
