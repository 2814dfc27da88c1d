from __future__ import annotations

import json

import pytest

from edge_runtime.hub import feed as feed_module
from edge_runtime.hub.feed import Feed


async def test_a_subscriber_gets_the_types_it_asked_for() -> None:
    feed = Feed()
    subscriber = feed.subscribe(["stored"])
    feed.publish("dropped", reason="no_route")
    feed.publish("stored", module="camera")
    (document,) = [json.loads(line) for line in (await subscriber.get()).splitlines()]
    assert document["type"] == "stored"
    assert document["module"] == "camera"
    assert document["at"].endswith("Z")
    assert len(document["at"]) == len("2026-01-01T00:00:00.000000Z")


async def test_a_slow_reader_is_told_how_much_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MAX_WAITING", 2)
    feed = Feed()
    subscriber = feed.subscribe()
    for n in range(5):
        feed.publish("stored", n=n)
    first = [json.loads(line) for line in (await subscriber.get()).splitlines()]
    assert [d["n"] for d in first] == [0, 1]
    # Told although nothing more may ever happen.
    second = [json.loads(line) for line in (await subscriber.get()).splitlines()]
    assert [(d["type"], d["missed"]) for d in second] == [("gap", 3)]


async def test_a_backlog_leaves_in_pieces() -> None:
    feed = Feed()
    subscriber = feed.subscribe()
    for n in range(100):
        feed.publish("stored", n=n, body="x" * 10_000)
    pieces = [await subscriber.get()]
    while subscriber._lines:
        pieces.append(await subscriber.get())
    assert max(map(len, pieces)) < 2 * feed_module._MAX_JOINED_BYTES
    assert [json.loads(line)["n"] for line in b"".join(pieces).splitlines()] == list(range(100))


def test_nothing_is_wanted_while_nobody_watches() -> None:
    feed = Feed()
    assert not feed.wanted("stored")
    subscriber = feed.subscribe()
    assert feed.wanted("stored")
    feed.unsubscribe(subscriber)
    assert not feed.wanted("stored")
