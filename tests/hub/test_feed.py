from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from edge_runtime.hub import feed as feed_module
from edge_runtime.hub.feed import Feed, Subscriber
from edge_runtime.hub.sampling import REPORTED_PER_SECOND, Sampling
from tests.patience import PATIENCE_S


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


async def told_now(reader: Subscriber) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await asyncio.wait_for(reader.get(), PATIENCE_S)).splitlines()]


async def test_what_modules_report_does_not_flood_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic_ns", lambda: 10**12)
    monkeypatch.setattr(feed_module, "GAP_PAUSE_S", 0)
    feed = Feed()
    everything, sample = feed.subscribe(), feed.subscribe(sampling=Sampling(5, 1_000_000))
    feed.publish("reported", patch={"large": "x" * 20_000})
    (gap,) = await told_now(sample)
    assert (gap["type"], gap["missed"]) == ("gap", 1), "told although nothing follows"
    for n in range(50):
        feed.publish("reported", patch={"n": n})
    feed.publish("connected", module="camera")
    told = await told_now(sample)
    assert [one.get("patch") for one in told] == [*({"n": n} for n in range(REPORTED_PER_SECOND)), None]
    assert told[-1]["type"] == "connected", "never left out"
    assert [one["missed"] for one in await told_now(sample)] == [50 - REPORTED_PER_SECOND], "all at once"
    assert len((await everything.get()).splitlines()) == 52


async def test_a_sample_has_few_bytes_of_what_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic_ns", lambda: 10**12)
    monkeypatch.setattr(feed_module, "GAP_PAUSE_S", 0)
    feed = Feed()
    sample = feed.subscribe(sampling=Sampling(5, 1_000_000))
    for _ in range(10):
        feed.publish("reported", patch={"a": "x" * 15_000})
    assert [one["type"] for one in await told_now(sample)] == ["reported"] * 4
    assert (await told_now(sample))[0]["missed"] == 6
