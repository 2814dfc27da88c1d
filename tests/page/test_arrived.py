"""What arrived upstream, page by page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from edge_runtime.iothub.store import UpstreamStore
from edge_runtime.page import arrived
from edge_runtime.page.json_bytes import encode
from tests.page.conftest import Page, arrive


@pytest.fixture
def store(bare: Page) -> Iterator[UpstreamStore]:
    store = UpstreamStore(bare.upstream)
    yield store
    store.close()


async def numbers(page: Page, query: str = "") -> tuple[list[int], bool]:
    status, answer = await page.ask("GET", f"/arrived{query}")
    assert status == 200
    return [event["body"]["n"] for event in answer["events"]], answer["more"]


async def test_before_anything_has_arrived_there_is_nothing(bare: Page) -> None:
    assert await bare.ask("GET", "/arrived") == (200, {"events": [], "more": False})


async def test_the_newest_come_first_and_older_ones_are_asked_for(bare: Page, store: UpstreamStore) -> None:
    for number in range(5):
        arrive(store, number)
    assert await numbers(bare) == ([4, 3, 2, 1, 0], False)
    assert await numbers(bare, "?limit=2") == ([4, 3], True)
    _, answer = await bare.ask("GET", "/arrived?limit=2")
    last = answer["events"][-1]["id"]
    assert await numbers(bare, f"?limit=2&before={last}") == ([2, 1], True)
    assert await numbers(bare, f"?limit=3&before={last}") == ([2, 1, 0], False)
    event = answer["events"][0]
    assert (event["moduleId"], event["output"], event["deviceId"]) == ("camera", "events", "edge")


async def test_they_are_chosen_by_module_and_output(bare: Page, store: UpstreamStore) -> None:
    for number, output in enumerate(["events", "summaries", "events"]):
        arrive(store, number, output)
    assert await numbers(bare, "?output=events") == ([2, 0], False)
    assert await numbers(bare, "?output=summaries&module=camera") == ([1], False)
    assert await numbers(bare, "?module=nobody") == ([], False)
    assert await numbers(bare, "?module=&output=") == ([2, 1, 0], False)


async def test_an_answer_is_not_longer_than_a_browser_likes(
    bare: Page, store: UpstreamStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrived, "MOST_BYTES", 5000)
    for number in range(4):
        arrive(store, number, size=2000)
    assert await numbers(bare) == ([3, 2], True)
    monkeypatch.setattr(arrived, "MOST_BYTES", 10)
    assert await numbers(bare) == ([3], True)  # one at least, or nobody would get on


async def test_a_large_answer_comes_whole(bare: Page, store: UpstreamStore) -> None:
    for number in range(10):
        arrive(store, number, size=200_000)
    assert await numbers(bare) == (list(range(9, -1, -1)), False)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=1e2", "limit=٣", "before=-1"]
)
async def test_a_number_that_makes_no_sense_is_refused(bare: Page, query: str) -> None:
    status, answer = await bare.ask("GET", f"/arrived?{query}")
    assert (status, "a whole number from" in answer["message"]) == (400, True)


async def test_a_store_that_cannot_be_read_is_told(bare: Page) -> None:
    bare.upstream.write_bytes(b"no database at all, however one looks at it")
    status, answer = await bare.ask("GET", "/arrived")
    assert (status, answer["message"]) == (503, "what arrived cannot be read: file is not a database")


async def test_a_body_that_is_too_deep_to_be_written_is_told_as_it_is(
    bare: Page, store: UpstreamStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(document: dict[str, object]) -> bytes:
        if "body" in document:
            raise RecursionError
        return encode(document)

    arrive(store, 1)
    monkeypatch.setattr(arrived, "encode", limited)
    status, answer = await bare.ask("GET", "/arrived")
    assert status == 200
    (event,) = answer["events"]
    assert "body" not in event
    assert json.loads(base64.b64decode(event["bodyBase64"]))["n"] == 1
