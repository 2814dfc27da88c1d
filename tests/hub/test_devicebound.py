"""The relay of cloud-to-device messages (spec B.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_runtime import lasting
from edge_runtime.hub import backoff
from edge_runtime.hub.devicebound import Devicebound
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.ports import Feature
from edge_runtime.hub.upstream_delivery import UpstreamError
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.patience import PATIENCE_S, eventually

LAMP = ClientId("lamp")
LISTENS = frozenset({Feature.DEVICEBOUND})


class Cloud:
    """Hands out the first of `waiting` until it is completed; fails `failures` times first."""

    def __init__(self, *numbers: int) -> None:
        self.waiting = list(numbers)
        self.failures = 0
        self.failure: Exception = UpstreamError("unreachable")
        self.asked: list[str] = []
        self.deliveries: dict[int, int] = {}
        self.changed = asyncio.Event()

    async def receive(self, device: str) -> Devicebound | None:
        self.asked.append(device)
        self._fail()
        while not self.waiting:
            self.changed.clear()
            await self.changed.wait()
        number = self.waiting[0]
        count = self.deliveries[number] = self.deliveries.get(number, 0) + 1
        return Devicebound(number, count, {"n": str(number)}, {"messageId": "7"}, b"on")

    async def complete(self, device: str, sequence: int) -> None:
        self._fail()
        self.waiting.remove(sequence)
        self.changed.set()

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise self.failure


class DeviceLink(RecordingLink):
    """Remembers the messages, and awaits them."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: asyncio.Queue[tuple[Message, bool, Callable[[], None]]] = asyncio.Queue()

    def deliver(
        self, input_name: str, message: Message, *, redelivery: bool, acked: Callable[[], None]
    ) -> None:
        self.messages.put_nowait((message, redelivery, acked))

    async def next(self) -> tuple[int, bool, Callable[[], None]]:
        message, redelivery, acked = await asyncio.wait_for(self.messages.get(), PATIENCE_S)
        return int(message.app["n"] or 0), redelivery, acked


def listening(hub: EdgeHub) -> DeviceLink:
    link = DeviceLink()
    hub.attach(LAMP, link, LISTENS)
    return link


async def test_one_at_a_time_and_completed_by_the_devices_puback(tmp_path: Path) -> None:
    cloud = Cloud(1, 2)
    async with running_hub(tmp_path, devicebound=cloud) as hub:
        link = listening(hub)
        number, redelivery, acked = await link.next()
        assert (number, redelivery, link.messages.empty()) == (1, False, True)
        assert cloud.waiting == [1, 2]
        acked()
        number, _, acked = await link.next()
        assert (number, cloud.waiting) == (2, [2])
        acked()
        await eventually(lambda: not cloud.waiting)
        assert set(cloud.asked) == {"lamp"}


async def test_nothing_is_asked_for_while_the_device_does_not_listen(tmp_path: Path) -> None:
    cloud = Cloud(1)
    async with running_hub(tmp_path, devicebound=cloud) as hub:
        link = DeviceLink()
        hub.attach(LAMP, link, frozenset({Feature.METHODS}))
        await asyncio.sleep(0.05)
        assert cloud.asked == []
        hub.set_features(LAMP, link, LISTENS)
        assert (await link.next())[0] == 1
        hub.set_features(LAMP, link, frozenset())
        cloud.waiting.append(2)
        await asyncio.sleep(0.05)
        assert link.messages.empty()


async def test_what_was_not_confirmed_comes_again_on_the_next_connection(tmp_path: Path) -> None:
    cloud = Cloud(1)
    async with running_hub(tmp_path, devicebound=cloud) as hub:
        link = listening(hub)
        _, _, late = await link.next()
        hub.detach(LAMP, link)
        second = listening(hub)
        number, redelivery, acked = await second.next()
        assert (number, redelivery) == (1, True)
        late()  # the connection is gone: this says nothing any more
        await asyncio.sleep(0.05)
        assert cloud.waiting == [1]
        acked()
        await eventually(lambda: not cloud.waiting)


async def test_a_cloud_that_is_away_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.01)
    cloud = Cloud(1)
    cloud.failures = 3
    async with running_hub(tmp_path, devicebound=cloud) as hub:
        link = listening(hub)
        assert (await link.next())[0] == 1
        assert len(cloud.asked) == 4


async def test_a_failure_that_nobody_thought_of_is_told_and_does_not_end_the_relay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lasting, "FIRST_PAUSE_S", 0.01)
    cloud = Cloud(1)
    cloud.failures, cloud.failure = 1, ZeroDivisionError("unexpected")
    async with running_hub(tmp_path, devicebound=cloud) as hub:
        link = listening(hub)
        assert (await link.next())[0] == 1
    assert "ZeroDivisionError: unexpected" in caplog.text
