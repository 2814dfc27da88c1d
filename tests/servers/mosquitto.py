"""Debian's mosquitto on an address of the test's own, without the system's service."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiomqtt
import pytest

from tests.patience import PATIENCE_S
from tests.servers.process import free_port, running

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin") or ""
needs_mosquitto = pytest.mark.skipif(
    not MOSQUITTO, reason="mosquitto is not installed (apt-get install -y mosquitto)"
)


class Broker:
    """One broker of the test's own, with one topic; its sessions outlive `serve`."""

    def __init__(self, address: str, folder: Path, topic: str) -> None:
        self.address, self.port, self.folder, self.topic = address, free_port(address), folder, topic

    def only(self, user: str, password: str) -> tuple[str, ...]:
        """Options for `serve`: nobody else may connect."""
        file = self.folder / "passwords"
        file.touch(mode=0o600)
        command = ["mosquitto_passwd", "-b", str(file), user, password]
        subprocess.run(command, check=True, capture_output=True)
        return f"password_file {file}", "allow_anonymous false"

    @contextmanager
    def serve(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        lines = [f"listener {self.port} {self.address}", "user root", *options]
        lines += ["persistence true", f"persistence_location {self.folder}/"]
        lines += [f"log_type {kind}" for kind in ("error", "warning", "notice", "information", "subscribe")]
        if not any("anonymous" in option for option in options):
            lines.append("allow_anonymous true")
        file = self.folder / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n")
        with running([MOSQUITTO, "-c", str(file)], self.address, self.port, self.folder / "log") as process:
            yield process

    def url(self, topic: str = "", *, scheme: str = "mqtt", user: str = "") -> str:
        return f"{scheme}://{user}{self.address}:{self.port}/{topic or self.topic}"

    async def subscribed(self, topic: str = "") -> None:
        """Until a client of this run of the broker has subscribed to the topic."""
        async with asyncio.timeout(PATIENCE_S):
            while f" {topic or self.topic}\n" not in (self.folder / "log").read_text(errors="replace"):
                await asyncio.sleep(0.02)

    async def publish(self, *bodies: bytes, topic: str = "", retain: bool = False) -> None:
        async with aiomqtt.Client(self.address, self.port) as client:
            for body in bodies:
                await client.publish(topic or self.topic, body, qos=1, retain=retain)

    @asynccontextmanager
    async def subscriber(self, user: str, password: str) -> AsyncIterator[aiomqtt.Client]:
        """A session that outlives its connection, and the broker."""
        async with aiomqtt.Client(
            self.address,
            self.port,
            username=user,
            password=password,
            identifier="subscriber",
            clean_session=False,
        ) as client:
            await client.subscribe(self.topic, qos=1)
            yield client


async def received(client: aiomqtt.Client, count: int) -> list[bytes]:
    """The payloads of the next `count` messages."""
    payloads: list[bytes] = []
    async with asyncio.timeout(PATIENCE_S):
        async for message in client.messages:
            payloads.append(bytes(message.payload))  # type: ignore[arg-type]
            if len(payloads) == count:
                break
    return payloads
