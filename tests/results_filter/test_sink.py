"""Against Debian's mosquitto, on an address of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from module_kit.message import Outgoing
from results_filter.sink import CAPACITY, LocalSink
from tests.patience import PATIENCE_S
from tests.servers.mosquitto import Broker, needs_mosquitto, received

pytestmark = needs_mosquitto


class Guarded(Broker):
    """A broker that `me` alone may use."""

    def started(self) -> AbstractContextManager[object]:
        return self.serve(*self.only("me", "secret"))

    @property
    def sink(self) -> str:
        return self.url(user="me:secret@")

    def reader(self) -> AbstractAsyncContextManager[aiomqtt.Client]:
        return self.subscriber("me", "secret")


@pytest.fixture
def broker(tmp_path: Path, loopback: str) -> Guarded:
    return Guarded(loopback, tmp_path, "plant/events")


@asynccontextmanager
async def _running(url: str, lost: list[str] | None = None) -> AsyncIterator[LocalSink]:
    sink = LocalSink((lost if lost is not None else []).append)
    sink.configure(url)
    task = asyncio.create_task(sink.run())
    try:
        yield sink
    finally:
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        assert done, "the sink does not end when it is cancelled"


def _event(number: int) -> Outgoing:
    return Outgoing(b'{"number": %d}' % number, str(number), "application/json", "utf-8")


async def test_events_arrive_as_json_in_order(broker: Guarded) -> None:
    with broker.started():
        async with broker.reader() as subscriber, _running(broker.sink) as sink:
            for number in range(50):
                sink.publish(_event(number))
            assert await received(subscriber, 50) == [_event(number).body for number in range(50)]
            assert await sink.drain(PATIENCE_S) == 0


async def test_a_broker_that_comes_late_gets_what_waited(broker: Guarded) -> None:
    async with _running(broker.sink) as sink:
        sink.publish(_event(1))
        assert await sink.drain(0.2) == 1
        with broker.started():
            assert await sink.drain(PATIENCE_S) == 0


async def test_a_broker_that_restarts_loses_nothing_that_was_not_published(broker: Guarded) -> None:
    async with _running(broker.sink) as sink:
        with broker.started():
            async with broker.reader():
                pass
            sink.publish(_event(1))
            assert await sink.drain(PATIENCE_S) == 0
        sink.publish(_event(2))
        sink.publish(_event(3))
        with broker.started():
            assert await sink.drain(PATIENCE_S) == 0
            async with broker.reader() as subscriber:
                assert await received(subscriber, 3) == [_event(number).body for number in (1, 2, 3)]


async def test_a_broker_that_is_away_costs_the_oldest_counted(broker: Guarded) -> None:
    lost: list[str] = []
    async with _running(broker.sink, lost) as sink:
        for number in range(CAPACITY + 5):
            sink.publish(_event(number))
        await asyncio.sleep(0.05)
        assert lost == ["sink_overflow"] * 5


async def test_another_address_is_taken_while_the_broker_is_going(
    broker: Guarded, loopback: str, tmp_path: Path
) -> None:
    """aiomqtt turns the cancellation into a lost connection when the broker has just gone."""
    (tmp_path / "other").mkdir()
    other = Broker(loopback, tmp_path / "other", "plant/events")
    async with _running(broker.sink) as sink:
        with broker.started():
            sink.publish(_event(1))
            assert await sink.drain(PATIENCE_S) == 0
        sink.configure(other.url())
        sink.publish(_event(2))
        with other.serve():
            assert await sink.drain(PATIENCE_S) == 0


async def test_a_wrong_password_is_retried_and_never_shown(
    broker: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    with broker.started():
        async with _running(broker.sink.replace("secret", "wrong-word")) as sink:
            sink.publish(_event(1))
            assert await sink.drain(1) == 1
            sink.configure(broker.sink)  # the settings mend it, live
            assert await sink.drain(PATIENCE_S) == 0
    assert "local sink:" in caplog.text
    assert "wrong-word" not in caplog.text


async def test_without_a_sink_nothing_is_kept() -> None:
    async with _running("") as sink:
        sink.publish(_event(1))
        assert await sink.drain(0.1) == 0
