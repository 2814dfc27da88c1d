"""Against Debian's mosquitto, on an address of the test's own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from module_kit.message import Outgoing
from results_filter.sink import CAPACITY, LocalSink

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = pytest.mark.skipif(
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


@pytest.fixture
def broker(tmp_path: Path, loopback: str) -> Iterator[Broker]:
    broker = Broker(tmp_path, loopback)
    yield broker
    broker.stop()


@asynccontextmanager
async def _running(url: str, lost: list[str] | None = None) -> AsyncIterator[LocalSink]:
    sink = LocalSink((lost if lost is not None else []).append)
    sink.configure(url)
    task = asyncio.create_task(sink.run())
    yield sink
    task.cancel()
    await asyncio.wait([task])


def _event(number: int) -> Outgoing:
    return Outgoing(b'{"number": %d}' % number, str(number), "application/json", "utf-8")


async def _received(client: aiomqtt.Client, count: int) -> list[bytes]:
    payloads: list[bytes] = []
    async with asyncio.timeout(15):
        async for message in client.messages:
            assert message.topic.value == "plant/events"
            payloads.append(bytes(message.payload))  # type: ignore[arg-type]
            if len(payloads) == count:
                break
    return payloads


async def test_events_arrive_as_json_in_order(broker: Broker) -> None:
    broker.start()
    async with broker.subscriber() as subscriber, _running(broker.url) as sink:
        for number in range(50):
            sink.publish(_event(number))
        assert await _received(subscriber, 50) == [b'{"number": %d}' % number for number in range(50)]
        assert await sink.drain(5) == 0


async def test_a_broker_that_comes_late_gets_what_waited(broker: Broker) -> None:
    async with _running(broker.url) as sink:
        sink.publish(_event(1))
        assert await sink.drain(0.2) == 1
        broker.start()
        assert await sink.drain(15) == 0


async def test_a_broker_that_restarts_loses_nothing_that_was_not_published(broker: Broker) -> None:
    broker.start()
    async with broker.subscriber():
        pass
    async with _running(broker.url) as sink:
        sink.publish(_event(1))
        assert await sink.drain(5) == 0
        broker.stop()
        sink.publish(_event(2))
        sink.publish(_event(3))
        broker.start()
        assert await sink.drain(15) == 0
        async with broker.subscriber() as subscriber:
            assert await _received(subscriber, 3) == [_event(number).body for number in (1, 2, 3)]


async def test_a_broker_that_is_away_costs_the_oldest_counted(broker: Broker) -> None:
    lost: list[str] = []
    async with _running(broker.url, lost) as sink:
        for number in range(CAPACITY + 5):
            sink.publish(_event(number))
        await asyncio.sleep(0.05)
        assert lost == ["sink_overflow"] * 5


async def test_a_wrong_password_is_retried_and_never_shown(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.start()
    async with broker.subscriber(), _running(broker.url.replace("secret", "wrong-word")) as sink:
        sink.publish(_event(1))
        assert await sink.drain(1) == 1
        sink.configure(broker.url)  # the settings mend it, live
        assert await sink.drain(10) == 0
    assert "local sink:" in caplog.text
    assert "wrong-word" not in caplog.text


async def test_without_a_sink_nothing_is_kept() -> None:
    async with _running("") as sink:
        sink.publish(_event(1))
        assert await sink.drain(0.1) == 0
