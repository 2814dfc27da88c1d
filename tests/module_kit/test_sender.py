from __future__ import annotations

import asyncio
from typing import Any

import pytest

from module_kit.message import Outgoing
from module_kit.sender import Sender, SendFailed
from tests.patience import PATIENCE_S


class FaultyLink:
    """The SDK's client with faults on demand; `sent` is the order in which the hub stored the messages."""

    def __init__(self) -> None:
        self.connected = True
        self.sent: list[str] = []
        self.most_at_once = 0
        self.faults: dict[str, list[Exception]] = {}
        self.acknowledge = asyncio.Event()
        self.acknowledge.set()
        self._now = 0

    async def send_message_to_output(self, message: Any, output_name: str) -> None:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        try:
            await self.acknowledge.wait()
            faults = self.faults.get(message)
            if faults:
                raise faults.pop(0)
            self.sent.append(message)
        finally:
            self._now -= 1


def _sender(link: FaultyLink, window: int = 16) -> Sender:
    return Sender(link, lambda message: message.message_id, window)


def _message(number: int) -> Outgoing:
    return Outgoing(b"{}", str(number), "application/json", "utf-8")


async def _send_all(sender: Sender, count: int) -> list[asyncio.Future[None]]:
    return [await sender.send("frames", _message(number)) for number in range(count)]


async def test_messages_are_sent_in_order_with_a_bounded_window() -> None:
    link = FaultyLink()
    await asyncio.gather(*await _send_all(_sender(link, window=4), 100))
    assert link.sent == [str(number) for number in range(100)]
    assert link.most_at_once <= 4


async def test_a_full_window_holds_the_sender_back_until_an_acknowledgement_comes() -> None:
    link = FaultyLink()
    link.acknowledge.clear()
    sender = _sender(link, window=2)
    await _send_all(sender, 2)
    third = asyncio.create_task(sender.send("frames", _message(2)))
    await asyncio.sleep(0.01)
    assert not third.done()
    assert sender.unacknowledged == 2
    link.acknowledge.set()
    await (await third)
    assert link.sent == ["0", "1", "2"]


async def test_concurrent_senders_keep_their_turn() -> None:
    link = FaultyLink()
    sender = _sender(link, window=3)
    tasks = [asyncio.create_task(sender.send("frames", _message(number))) for number in range(50)]
    await asyncio.gather(*[await task for task in tasks])
    assert link.sent == [str(number) for number in range(50)]


async def test_a_cancelled_sender_leaves_no_slot_behind() -> None:
    link = FaultyLink()
    link.acknowledge.clear()
    sender = _sender(link, window=1)
    await sender.send("frames", _message(0))
    waiting = [asyncio.create_task(sender.send("frames", _message(number))) for number in (1, 2)]
    await asyncio.sleep(0.01)
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    link.acknowledge.set()
    await (await asyncio.wait_for(waiting[1], PATIENCE_S))
    assert await sender.drain(PATIENCE_S) == 0
    assert link.sent == ["0", "2"]


async def test_what_failed_goes_again_before_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("module_kit.sender._RETRY_S", 1.0)
    link = FaultyLink()
    link.faults = {"1": [ConnectionError("dropped")], "2": [ConnectionError("dropped")]}
    link.acknowledge.clear()
    sender = _sender(link, window=8)
    futures = await _send_all(sender, 3)
    link.acknowledge.set()
    await asyncio.sleep(0.01)
    assert link.sent == ["0"]
    futures += [await sender.send("frames", _message(number)) for number in (3, 4)]
    await asyncio.wait_for(asyncio.gather(*futures), PATIENCE_S)
    assert link.sent == ["0", "1", "2", "3", "4"]


async def test_nothing_new_overtakes_what_was_in_flight_when_the_connection_was_lost() -> None:
    link = FaultyLink()
    link.acknowledge.clear()
    sender = _sender(link)
    futures = await _send_all(sender, 2)
    await asyncio.sleep(0.01)
    link.connected = False
    sender.connection_changed()
    futures.append(await sender.send("frames", _message(2)))
    link.connected = True
    sender.connection_changed()
    await asyncio.sleep(0.01)
    assert link.most_at_once == 2  # paho sends those two again by itself; the third waits for them
    link.acknowledge.set()
    await asyncio.wait_for(asyncio.gather(*futures), PATIENCE_S)
    assert link.sent == ["0", "1", "2"]


async def test_a_hub_that_is_away_is_waited_for() -> None:
    link = FaultyLink()
    link.connected = False
    sender = _sender(link)
    future = await sender.send("frames", _message(0))
    assert await sender.drain(0.02) == 1
    assert not future.done()
    link.connected = True
    sender.connection_changed()
    await asyncio.wait_for(future, PATIENCE_S)


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        (ValueError("Size of message can not exceed 256 KB."), 1),  # the SDK refuses at once
        (RuntimeError("Unexpected failure"), 5),  # refused again and again while connected
    ],
)
async def test_a_message_that_cannot_be_sent_is_given_up_and_the_next_goes_on(
    fault: Exception, times: int
) -> None:
    link = FaultyLink()
    link.faults = {"0": [fault] * times}
    sender = _sender(link)
    bad, good = await _send_all(sender, 2)
    with pytest.raises(SendFailed, match=f"message 0 on output 'frames' cannot be sent: {fault}"):
        await asyncio.wait_for(bad, PATIENCE_S)
    await asyncio.wait_for(good, PATIENCE_S)
    assert await sender.drain(PATIENCE_S) == 0


async def test_an_acknowledgement_that_nobody_awaits_may_fail_in_silence() -> None:
    link = FaultyLink()
    link.faults = {"0": [ValueError("no")]}
    sender = _sender(link)
    await sender.send("frames", _message(0))
    assert await sender.drain(PATIENCE_S) == 0
