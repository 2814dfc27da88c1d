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
    feed.publish("stored", n=5)
    second = [json.loads(line) for line in (await subscriber.get()).splitlines()]
    assert [d.get("missed", d.get("n")) for d in second] == [3, 5]


def test_nothing_is_wanted_while_nobody_watches() -> None:
    feed = Feed()
    assert not feed.wanted("stored")
    subscriber = feed.subscribe()
    assert feed.wanted("stored")
    feed.unsubscribe(subscriber)
    assert not feed.wanted("stored")
