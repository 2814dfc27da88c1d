"""What readers of the feed are told of messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge_runtime.hub import feed as feed_module
from edge_runtime.hub.feed import Feed, Subscriber
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.message_feed import MessageFeed
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.router import Copy
from edge_runtime.hub.sampling import Sampler, Sampling

CAMERA = ClientId("edge", "camera")
TO_CLASSIFIER, UPSTREAM = "edge/classifier/frames", "iothub"
SAMPLE = Sampling(1, 1000)


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def messages(feed: Feed) -> MessageFeed:
    return MessageFeed(feed)


def stopped_sampler(sampling: Sampling) -> Sampler:
    """Its second never ends."""
    return Sampler(sampling, lambda: 10**12)


async def documents(reader: Subscriber) -> list[dict[str, Any]]:
    """All that waits; nothing when nothing does."""
    found: list[dict[str, Any]] = []
    while reader._lines:
        found.extend(json.loads(line) for line in (await reader.get()).splitlines())
    return found


def message(number: int, body: bytes = b"x", kind: str | None = None) -> Message:
    return Message(
        CAMERA, "frames", {"n": str(number)}, {"messageId": f"m{number}", "contentType": kind}, body
    )


def row(message: Message, number: int = 1) -> Stored:
    return Stored(number, None, message)


def store(messages: MessageFeed, message: Message, *endpoints: str) -> None:
    copies = [Copy(endpoint, 0, None, ("route",)) for endpoint in endpoints]
    messages.stored(message, copies, [row(message) for _ in copies])


async def test_a_reader_may_ask_for_the_documents_of_one_endpoint(feed: Feed, messages: MessageFeed) -> None:
    reader = feed.subscribe(["stored:iothub", "delivered:classifier/frames"])
    store(messages, message(1), TO_CLASSIFIER)
    store(messages, message(2), TO_CLASSIFIER, UPSTREAM)
    messages.delivered("iothub", row(message(2)), redelivery=False)
    messages.delivered("classifier/frames", row(message(2)), redelivery=True)
    told = await documents(reader)
    assert [(d["type"], d.get("endpoints"), d.get("endpoint")) for d in told] == [
        ("stored", ["classifier/frames", "iothub"], None),
        ("delivered", None, "classifier/frames"),
    ]


async def test_a_sample_beside_it_changes_nothing_for_who_reads_everything(
    feed: Feed, messages: MessageFeed
) -> None:
    before = feed.subscribe()
    for n in range(2):
        store(messages, message(n, b'{"a": 1}', "application/json"), TO_CLASSIFIER)
        messages.delivered("classifier/frames", row(message(n)), redelivery=False)
        messages.dropped("ttl_expiry", message(n), endpoint="iothub", sequence=1)
    expected = [{**d, "at": None} for d in await documents(before)]
    assert [sorted(d) for d in expected[:3]] == [
        ["app", "at", "body", "device", "endpoints", "module", "output", "routes", "size", "sys", "type"],
        ["at", "endpoint", "messageId", "module", "output", "redelivery", "type"],
        ["at", "endpoint", "messageId", "module", "output", "reason", "type"],
    ]
    feed.subscribe(None, SAMPLE)
    for n in range(2):
        store(messages, message(n, b'{"a": 1}', "application/json"), TO_CLASSIFIER)
        messages.delivered("classifier/frames", row(message(n)), redelivery=False)
        messages.dropped("ttl_expiry", message(n), endpoint="iothub", sequence=1)
    assert [{**d, "at": None} for d in await documents(before)] == expected


async def test_a_sample_holds_whole_traces_of_all_readers_their_own(
    feed: Feed, messages: MessageFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_runtime.hub.feed.Sampler", stopped_sampler)
    reader = feed.subscribe(["stored", "delivered", "dropped"], SAMPLE)
    for n in range(3):
        store(messages, message(n), TO_CLASSIFIER)
    late = feed.subscribe(["stored"], SAMPLE)
    for n in range(3):
        messages.delivered("classifier/frames", row(message(n)), redelivery=False)
        messages.dropped("ttl_expiry", message(n), endpoint="iothub", sequence=1)
    store(messages, message(3), TO_CLASSIFIER)
    told = [(d["type"], d["trace"]) for d in await documents(reader)]
    # Of what is not in the sample one drop a second.
    assert told == [("stored", "m0"), ("delivered", "m0"), ("dropped", "m0"), ("dropped", "m1")]
    assert [(d["type"], d["trace"]) for d in await documents(late)] == [("stored", "m3")]


async def test_what_was_asked_for_by_its_endpoint_comes_beside_the_sample(
    feed: Feed, messages: MessageFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_runtime.hub.feed.Sampler", stopped_sampler)
    reader = feed.subscribe(["stored", "stored:iothub", "delivered:iothub"], SAMPLE)
    store(messages, message(0), TO_CLASSIFIER)
    for n in range(1, 60):
        store(messages, message(n), UPSTREAM)
        messages.delivered("iothub", row(message(n)), redelivery=False)
        messages.delivered("classifier/frames", row(message(0)), redelivery=False)
    told = await documents(reader)
    assert [d["trace"] for d in told if d["type"] == "stored"] == ["m0", *(f"m{n}" for n in range(1, 51))]
    assert [d["messageId"] for d in told if d["type"] == "delivered"] == [f"m{n}" for n in range(1, 51)]


async def test_of_a_sample_of_one_endpoint_nothing_else_is_told(feed: Feed, messages: MessageFeed) -> None:
    reader = feed.subscribe(["stored:iothub", "delivered:iothub"], SAMPLE)
    for n, endpoint in enumerate((TO_CLASSIFIER, UPSTREAM, TO_CLASSIFIER)):
        store(messages, message(n), endpoint)
        messages.delivered(endpoint.removeprefix("edge/"), row(message(n)), redelivery=False)
        messages.dropped("ttl_expiry", message(n), endpoint="iothub", sequence=1)
    assert [(d["type"], d["trace"]) for d in await documents(reader)] == [
        ("stored", "m1"),
        ("delivered", "m1"),
    ]


async def test_messages_without_an_id_are_told_apart(feed: Feed, messages: MessageFeed) -> None:
    reader = feed.subscribe(["stored", "delivered"], Sampling(5, 0))
    for number in (7, 8):
        nameless = message(number)._replace(sys={})
        messages.stored(nameless, [Copy(TO_CLASSIFIER, 0, None, ())], [row(nameless, number)])
    messages.delivered("classifier/frames", row(message(7)._replace(sys={}), 7), redelivery=False)
    messages.delivered("classifier/frames", row(message(9)._replace(sys={}), 9), redelivery=False)
    assert [d["trace"] for d in await documents(reader)] == ["#7", "#8", "#7"]


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b'{"a": "\xc3\xa9"}', "application/json", {"body": '{"a": "\u00e9"}'}),
        (b"{}", "Application/JSON; charset=utf-8", {"body": "{}"}),
        (b"\xff{", "application/json", {"bodyBase64": "/3s="}),
        (b"{}", "text/plain", {"bodyBase64": "e30="}),
        (b"\xff\xd8", None, {"bodyBase64": "/9g="}),
        (b"", None, {"bodyBase64": ""}),
        (bytes(1001), None, {"bodyOmitted": "too_large"}),
    ],
)
async def test_a_sampled_message_has_its_body(
    feed: Feed, messages: MessageFeed, body: bytes, kind: str | None, expected: dict[str, str]
) -> None:
    reader = feed.subscribe(["stored"], SAMPLE)
    store(messages, message(1, body, kind), UPSTREAM)
    (document,) = await documents(reader)
    assert {name: value for name, value in document.items() if name.startswith("body")} == expected
    assert document["size"] == len(body)


async def test_bodies_end_with_the_bytes_of_a_second(
    feed: Feed, messages: MessageFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_runtime.hub.feed.Sampler", stopped_sampler)
    reader = feed.subscribe(["stored"], Sampling(5, 1000))
    for n in range(3):
        store(messages, message(n, bytes(500)), UPSTREAM)
    assert [d.get("bodyOmitted") for d in await documents(reader)] == [None, None, "sample_bytes"]


async def test_a_slow_reader_of_a_sample_is_told_how_much_it_missed(
    feed: Feed, messages: MessageFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "MAX_WAITING", 2)
    reader = feed.subscribe(["stored"], Sampling(10, 0))
    for n in range(5):
        store(messages, message(n), UPSTREAM)
    told = await documents(reader)
    assert [d.get("trace", d.get("missed")) for d in told] == ["m0", "m1", 3]


async def test_what_was_refused_before_it_was_a_message_is_told(feed: Feed, messages: MessageFeed) -> None:
    readers = [feed.subscribe(["dropped"]), feed.subscribe(["dropped"], SAMPLE)]
    messages.refused("bad_topic", CAMERA)
    messages.refused("tls_failed", None)
    whole = await documents(readers[0])
    assert [(d["reason"], d["module"], d["output"]) for d in whole] == [
        ("bad_topic", "camera", None),
        ("tls_failed", None, None),
    ]
    (sampled,) = await documents(readers[1])
    assert (sampled["reason"], sampled["trace"]) == ("bad_topic", None)
