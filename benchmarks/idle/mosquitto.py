"""mosquitto with as many idle clients as the solution has modules: what the hub's figures stand beside."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client

from benchmarks.errors import BenchmarkError
from benchmarks.hub.brokers import MOSQUITTO, Place, Running, mosquitto
from benchmarks.hub.topics import PORT
from benchmarks.processes import Usage

KEEP_ALIVE_S = 30
"""As module_kit sets it."""
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """`connected_s`: from its start until every client was connected."""

    connected_s: float
    usage: Usage


async def measure(address: str, folder: Path, clients: int, seconds: float) -> Mosquitto | None:
    """None where it is not installed."""
    if MOSQUITTO is None:
        return None
    with ExitStack() as stack:
        began = time.monotonic()
        place = Place(address, folder / "mosquitto", folder / "certificates", folder / "s")
        broker = stack.enter_context(mosquitto(place, bridged=False))
        for number in range(clients):
            stack.enter_context(_client(broker, f"idle-{number}"))
        connected = time.monotonic() - began
        before = Usage.of(broker.pid)
        await asyncio.sleep(seconds)
        return Mosquitto(connected, Usage.of(broker.pid).since(before))


@contextmanager
def _client(broker: Running, name: str) -> Iterator[None]:
    """Connected by TLS and subscribed."""
    ready = threading.Event()

    def subscribe(client: Any, *_: Any) -> None:
        client.subscribe(f"{name}/#", 1)

    client = Client(name)
    client.tls_set_context(ssl.create_default_context(cafile=str(broker.ca)))
    client.on_connect = subscribe
    client.on_subscribe = lambda *_: ready.set()
    client.connect(broker.address, PORT, KEEP_ALIVE_S)
    client.loop_start()
    try:
        if not ready.wait(_PATIENCE_S):
            raise BenchmarkError(f"mosquitto did not let {name} subscribe within {_PATIENCE_S:.0f} s")
        yield
    finally:
        client.disconnect()
        client.loop_stop()
