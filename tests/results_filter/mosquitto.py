"""Debian's mosquitto on an address of the test's own, without the system's service."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="mosquitto is not installed (apt-get install -y mosquitto)"
)
PORT = 18_830


class Broker:
    """mosquitto with one user, started and stopped by the test."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address = address
        self._configuration = folder / "mosquitto.conf"
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "me", "secret"], check=True)
        passwords.chmod(0o644)
        self._configuration.write_text(
            f"listener {PORT} {address}\nallow_anonymous false\npassword_file {passwords}\n"
            f"persistence true\npersistence_location {folder}/\nuser root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://me:secret@{self.address}:{PORT}/plant/events"

    def start(self) -> None:
        assert MOSQUITTO
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()  # it saves its sessions
            self._process.wait()
            self._process = None

    @asynccontextmanager
    async def subscriber(self) -> AsyncIterator[aiomqtt.Client]:
        """A session that outlives its connection, and the broker."""
        deadline = time.monotonic() + 10
        while True:
            try:
                client = aiomqtt.Client(self.address, PORT, username="me", password="secret",
                                        identifier="subscriber", clean_session=False)  # fmt: skip
                await client.__aenter__()
                break
            except aiomqtt.MqttError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
        try:
            await client.subscribe("plant/#", qos=1)
            yield client
        finally:
            await client.__aexit__(None, None, None)


async def received(client: aiomqtt.Client, count: int) -> list[bytes]:
    """The payloads of the next `count` messages."""
    payloads: list[bytes] = []
    async with asyncio.timeout(15):
        async for message in client.messages:
            assert message.topic.value == "plant/events"
            payloads.append(bytes(message.payload))  # type: ignore[arg-type]
            if len(payloads) == count:
                break
    return payloads
