"""The queue of cloud-to-device messages (spec B.6, E.6, F.8)."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge_runtime.iothub.devicebound import (
    MOST_BYTES,
    MOST_DELIVERIES,
    MOST_WAITING,
    Devicebound,
    DeviceboundMessage,
    QueueFullError,
    TooLargeError,
)
from edge_runtime.iothub.store import StoreRefusedError, StoreUnusableError
from tests.patience import PATIENCE_S


def message(body: bytes = b"on", lasts_s: float = 60, **application: str | None) -> DeviceboundMessage:
    return DeviceboundMessage(application, {"messageId": "7"}, body, time.time() + lasts_s)


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Devicebound]:
    queue = Devicebound(tmp_path / "iothub.db")
    yield queue
    await queue.close()


async def taken(queue: Devicebound, device: str = "lamp") -> DeviceboundMessage:
    found = await queue.take(device, PATIENCE_S)
    assert found is not None
    return found


async def test_messages_go_in_order_and_stay_until_they_are_completed(
    queue: Devicebound, tmp_path: Path
) -> None:
    for body in (b"1", b"2"):
        await queue.put("lamp", message(body, colour="red", none=None))
    await queue.put("other", message(b"3"))
    assert (queue.count("lamp"), queue.count("nobody")) == (2, 0)
    first = await taken(queue)
    assert (first.body, first.application, first.system) == (
        b"1",
        {"colour": "red", "none": None},
        {"messageId": "7"},
    )
    await queue.close()
    again = Devicebound(tmp_path / "iothub.db")  # the runtime has been started again
    assert stat.S_IMODE((tmp_path / "iothub.db").stat().st_mode) == 0o600
    back = await taken(again)
    assert (back.sequence, back.deliveries) == (first.sequence, 2)
    await again.complete("other", first.sequence)  # of another device: nothing
    assert again.count("lamp") == 2
    await again.complete("lamp", first.sequence)
    await again.complete("lamp", first.sequence)
    assert [(await taken(again)).body, (await taken(again, "other")).body] == [b"2", b"3"]
    await again.close()


async def test_who_waits_gets_what_comes(queue: Devicebound) -> None:
    assert await queue.take("lamp", 0) is None
    waiting = asyncio.create_task(taken(queue))
    other = asyncio.create_task(queue.take("other", PATIENCE_S))
    await asyncio.sleep(0)
    await queue.put("lamp", message())
    assert (await waiting).body == b"on"
    assert not other.done()
    queue.end_waiting()
    assert await other is None


async def test_fifty_wait_and_no_more(queue: Devicebound) -> None:
    for _ in range(MOST_WAITING):
        await queue.put("lamp", message())
    with pytest.raises(QueueFullError, match="50 messages wait for lamp"):
        await queue.put("lamp", message())
    await queue.put("other", message())
    await queue.complete("lamp", (await taken(queue)).sequence)
    await queue.put("lamp", message())
    assert await queue.purge("lamp") == MOST_WAITING
    assert (queue.count("lamp"), queue.count("other"), await queue.purge("lamp")) == (0, 1, 0)


async def test_sixty_four_kilobytes_with_the_properties(queue: Devicebound) -> None:
    most = message(bytes(MOST_BYTES - len("messageId7") - len("ab")), a="b")
    await queue.put("lamp", most)
    with pytest.raises(TooLargeError, match=str(MOST_BYTES + 1)):
        await queue.put("lamp", message(most.body + b"1", a="b"))


async def test_expired_ones_are_not_delivered_and_make_room(
    queue: Devicebound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(MOST_WAITING):
        await queue.put("lamp", message(lasts_s=60))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert queue.count("lamp") == 0
    assert await queue.take("lamp", 0) is None
    await queue.put("lamp", DeviceboundMessage({}, {}, b"new", now + 120))
    assert (await taken(queue)).body == b"new"
    await queue.close()
    again = Devicebound(tmp_path / "iothub.db")
    assert await again.purge("lamp") == 1  # the others are gone from the disk too
    await again.close()


async def test_what_nobody_ever_confirms_is_given_up(queue: Devicebound) -> None:
    await queue.put("lamp", message(b"poison"))
    await queue.put("lamp", message(b"good"))
    for count in range(1, MOST_DELIVERIES + 1):
        found = await taken(queue)
        assert (found.body, found.deliveries) == (b"poison", count)
    assert (await taken(queue)).body == b"good"
    assert queue.count("lamp") == 1


async def test_a_disk_that_refuses_is_told(queue: Devicebound, tmp_path: Path) -> None:
    queue._connection.close()
    with pytest.raises(StoreRefusedError, match=r"iothub\.db"):
        await queue.put("lamp", message())
    assert queue.count("lamp") == 0
    queue._connection = Devicebound(tmp_path / "iothub.db")._connection
    (tmp_path / "no.db").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(StoreUnusableError, match=r"no\.db"):
        Devicebound(tmp_path / "no.db")
