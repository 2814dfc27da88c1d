"""The way upstream is taken away and given back, with a real hub before it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from edge_runtime.hub import backoff
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.upstream_delivery import UpstreamError
from edge_runtime.hub.upstream_switch import SwitchedUpstream, UpstreamSwitch
from tests.hub.messages import message
from tests.hub.running import running_hub
from tests.hub.test_devicebound import Cloud, listening
from tests.hub.upstreams import FlakyUpstream
from tests.patience import PATIENCE_S, eventually

CAMERA = ClientId("edge", "camera")


@pytest.fixture(autouse=True)
def no_pause_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what goes on does so because it was told to."""
    monkeypatch.setattr(backoff, "FIRST_S", 1000 * PATIENCE_S)


async def publish(hub: EdgeHub, *numbers: int) -> None:
    for n in numbers:
        stored = asyncio.Event()
        hub.publish(CAMERA, "frames", {"n": str(n)}, {}, b"x", stored.set)
        await asyncio.wait_for(stored.wait(), PATIENCE_S)


def waiting(hub: EdgeHub) -> int:
    return hub.upstream.unconfirmed + sum(hub.upstream.queues.lengths.values())


async def test_what_is_sent_meanwhile_waits_and_leaves_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upstream = FlakyUpstream()
    async with running_hub(tmp_path, upstream) as hub:
        await publish(hub, 0)
        await upstream.wait_for(1)
        await eventually(lambda: hub.upstream.connected)
        hub.switch_upstream(on=False)
        assert hub.upstream_switched_off
        await publish(hub, 1, 2, 3)
        await eventually(lambda: not hub.upstream.connected)
        assert (waiting(hub), upstream.attempts) == (3, 1)
        hub.switch_upstream(on=True)
        await upstream.wait_for(4)
        assert [stored.message.app["n"] for stored in upstream.taken] == ["0", "1", "2", "3"]
        await eventually(lambda: hub.upstream.connected)
    assert "Upstream: the local IoT Hub is switched off; 1 messages wait" in caplog.text


async def test_a_hub_that_starts_is_connected(tmp_path: Path) -> None:
    upstream = FlakyUpstream()
    async with running_hub(tmp_path, upstream) as hub:
        hub.switch_upstream(on=False)
        await publish(hub, 1)
        await eventually(lambda: hub.upstream.unconfirmed == 1)
    async with running_hub(tmp_path, upstream) as hub:
        await upstream.wait_for(1)
        assert not hub.upstream_switched_off


class StalledUpstream(FlakyUpstream):
    """Never answers the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = asyncio.Event()

    async def send(self, batch: Sequence[Stored]) -> Mapping[int, str]:
        if not self.attempts:
            self.attempts += 1
            try:
                await asyncio.Event().wait()
            finally:
                self.cut.set()
        return await super().send(batch)


async def test_what_is_under_way_is_cut_and_sent_again(tmp_path: Path) -> None:
    upstream = StalledUpstream()
    async with running_hub(tmp_path, upstream) as hub:
        await publish(hub, 1)
        await eventually(lambda: upstream.attempts == 1)
        hub.switch_upstream(on=False)
        await asyncio.sleep(0)  # until it is being cut
        hub.switch_upstream(on=True)
        hub.switch_upstream(on=False)
        await asyncio.wait_for(upstream.cut.wait(), PATIENCE_S)
        assert (waiting(hub), upstream.taken) == (1, [])
        hub.switch_upstream(on=True)
        await upstream.wait_for(1)


async def test_messages_for_devices_wait_as_well(tmp_path: Path) -> None:
    cloud = Cloud()
    async with running_hub(tmp_path, devicebound=cloud) as hub:
        link = listening(hub)
        await eventually(lambda: cloud.asked == ["lamp"])
        hub.switch_upstream(on=False)
        cloud.waiting.append(1)
        cloud.changed.set()
        await asyncio.sleep(0.05)
        assert link.messages.empty()
        hub.switch_upstream(on=True)
        number, redelivery, acked = await link.next()
        assert (number, redelivery) == (1, False)
        hub.switch_upstream(on=False)
        acked()  # which cannot be told now
        await asyncio.sleep(0.05)
        assert cloud.waiting == [1]
        hub.switch_upstream(on=True)
        await eventually(lambda: not cloud.waiting)
        assert link.messages.empty()


class TimedOutUpstream:
    async def send(self, batch: Sequence[Stored]) -> Mapping[int, str]:
        raise TimeoutError(f"{len(batch)}")


async def test_a_failure_of_the_way_itself_stays_what_it_is() -> None:
    switch = UpstreamSwitch()
    upstream = SwitchedUpstream(TimedOutUpstream(), switch)
    with pytest.raises(TimeoutError, match="1"):
        await upstream.send([Stored(1, None, message(1))])
    switch.turn(on=False)
    with pytest.raises(UpstreamError, match="switched off"):
        await upstream.send([Stored(1, None, message(1))])


async def test_who_gives_up_while_it_is_under_way_is_not_told_of_a_switch(tmp_path: Path) -> None:
    upstream = StalledUpstream()
    switched = SwitchedUpstream(upstream, UpstreamSwitch())
    sending = asyncio.create_task(switched.send([Stored(1, None, message(1))]))
    await eventually(lambda: upstream.attempts == 1)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_message_confirmed_meanwhile_does_not_come_again(tmp_path: Path) -> None:
    cloud = Cloud(1, 2)
    async with running_hub(tmp_path, devicebound=cloud) as hub:
        link = listening(hub)
        number, _, acked = await link.next()
        hub.switch_upstream(on=False)
        acked()
        # As the relay tries, and fails, before the way is free again.
        for _ in range(10):
            await asyncio.sleep(0)
        assert (number, cloud.waiting) == (1, [1, 2])
        hub.switch_upstream(on=True)
        assert (await link.next())[:2] == (2, False)
        assert cloud.deliveries == {1: 1, 2: 1}
