"""Runs the clients' processes against one broker, and reads what they found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.hub.brokers import Running
from benchmarks.hub.children import child
from benchmarks.hub.topics import RECEIVER, SENDER
from benchmarks.processes import Usage

Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` in messages a second; None: as fast as `in_flight` unacknowledged messages allow. `size` in bytes."""

    size: int
    in_flight: int
    rate: float | None
    warm_up_s: float
    seconds: float


def raw_flow(broker: Running, load: Load) -> Result:
    """The raw client, in and out at once (`raw_client.flow`)."""
    return raw(broker, {"do": "flow", **asdict(load)})


def raw(broker: Running, job: Result, progress: Callable[[float], None] = lambda _: None) -> Result:
    """One job of the raw client. Raises BenchmarkError."""
    job = {
        **job, "address": broker.address, "ca": str(broker.ca), "pid": broker.pid, "subscribe": broker.subscribe,
        "sender": broker.login(SENDER), "receiver": broker.login(RECEIVER),
    }  # fmt: skip
    with _client("raw_client") as client:
        _tell(client, job)
        assert client.stdin is not None  # noqa: S101 - a pipe
        client.stdin.close()
        while "result" not in (line := _line(client)):
            progress(line.get("progress", 0.0))
        return dict(line["result"])


def sdk_flow(broker: Running, load: Load) -> Result:
    """The real SDK on both ends, two processes."""
    common = {**asdict(load), "ca": str(broker.ca)}
    with ExitStack() as stack:
        receiver = stack.enter_context(_client("sdk_receiver"))
        _tell(receiver, {**common, "connection_string": broker.connection_string(RECEIVER)})
        _line(receiver)
        sender = stack.enter_context(_client("sdk_sender"))
        _tell(sender, {**common, "connection_string": broker.connection_string(SENDER)})
        assert sender.stdin is not None  # noqa: S101 - a pipe
        sender.stdin.close()
        began, before = _line(sender)["began"], Usage.of(broker.pid)
        ended, after = _line(sender)["ended"], Usage.of(broker.pid)
        sent = _line(sender)["result"]
        _tell(receiver, {"began": began, "ended": ended, "sent": sent["sent"]})
        received = _line(receiver)["result"]
    seconds = (ended - began) / 1e9
    cpu_s = after.cpu_s - before.cpu_s
    return {
        "in": sent["acknowledged"] / seconds,
        "out": received["received"] / seconds,
        "cpu_us": cpu_s / max(received["received"], 1) * 1e6,
        "cpu": cpu_s / seconds,
        "rss": after.rss_bytes,
        "faults": received["doubled"],
        "missing": received["missing"],
        "swapped": received["swapped"],
        "latencies_ms": received["latencies_ms"],
        "sender_cpu_us": sent["cpu_s"] / max(sent["acknowledged"], 1) * 1e6,
        "receiver_cpu_us": received["cpu_us"],
    }


@contextmanager
def _client(name: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-m", f"benchmarks.hub.{name}"]
    with child(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process


def _tell(client: subprocess.Popen[str], document: Result) -> None:
    assert client.stdin is not None  # noqa: S101 - a pipe
    with suppress(BrokenPipeError):  # it has ended, and the next line says so
        client.stdin.write(json.dumps(document) + "\n")
        client.stdin.flush()


def _line(client: subprocess.Popen[str]) -> Result:
    """The client's next line. Raises BenchmarkError when it ended, or says why it cannot go on."""
    assert client.stdout is not None  # noqa: S101 - a pipe
    line = client.stdout.readline()
    document: Result = json.loads(line) if line.strip() else {"error": "it ended; see above"}
    if "error" in document:
        raise BenchmarkError(f"a client cannot go on: {document['error']}")
    return document
