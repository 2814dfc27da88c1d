"""The hub's system calls seen and stopped from outside, with strace: named steps without a hook in the hub."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE_S, wait_for

MQTT_PORT = 8883


@dataclass(frozen=True, slots=True)
class Step:
    """The hub is killed as it enters `call`; a `peer` narrows that to the connection of this client."""

    name: str
    call: str
    peer: str | None = None


STEPS = (
    Step("before the commit's sync", "fdatasync"),
    Step("after the sync, before PUBACK", "sendto", "sender"),
    Step("after PUBACK, before delivery", "sendto", "receiver"),
    Step("after delivery, before the delete", "recvfrom", "receiver"),
)


def kill_at(strace: str, hub: int, step: Step, nth: int, peer: int | None, log: Path) -> bool:
    """SIGKILL the hub at the `nth` such call of one of its threads, by strace; False when strace saw none.

    The kernel aborts the call that a fatal signal enters, so it has no effect any more.
    """
    only = [] if peer is None else ["-P", f"socket:[{peer}]"]
    inject = f"inject={step.call}:signal=SIGKILL:when={nth}"
    command = [
        strace,
        "-f",
        "-qq",
        "-p",
        str(hub),
        "-o",
        str(log),
        "-e",
        f"trace={step.call}",
        *only,
        "-e",
        inject,
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as tracer:
        try:
            tracer.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
            return False
    return "INJECTED" in log.read_text() or "SIGKILL" in log.read_text()


@contextlib.contextmanager
def traced(strace: str, hub: int, log: Path, *arguments: str) -> Iterator[None]:
    """Attach strace to the hub for as long as the block runs."""
    command = [strace, "-f", "-qq", "-yy", "-p", str(hub), "-o", str(log), *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
        try:
            wait_for(lambda: _attached(hub), "strace to be attached")
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(PATIENCE_S)


def _attached(pid: int) -> bool:
    return all(
        re.search(r"^TracerPid:\t[1-9]", status.read_text(), re.MULTILINE)
        for status in Path(f"/proc/{pid}/task").glob("*/status")
    )


def connection_of(address: str, client: int) -> int | None:
    """Inode of the hub's socket that this client's MQTT connection ends at; None when it has none."""
    mine = _sockets(client)
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    hub_end = f"{_hex(address)}:{MQTT_PORT:04X}"
    local_ports = {row[1] for row in rows if row[2] == hub_end and int(row[9]) in mine}
    for row in rows:
        if row[1] == hub_end and row[2] in local_ports and row[3] == "01":
            return int(row[9])
    return None


def _sockets(pid: int) -> set[int]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            match = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
            if match:
                found.add(int(match[1]))
    return found


def _hex(address: str) -> str:
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
