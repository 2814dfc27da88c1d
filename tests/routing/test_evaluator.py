"""Spec C.11: one copy an endpoint, the lowest priority number wins and brings its time to live."""

from __future__ import annotations

import time

import pytest

from edge_runtime.hub.message import ClientId, Message
from edge_runtime.routing import DEFAULT_PRIORITY, Evaluator, Match, RoutingMessage, parse_routes

UP = "INTO $upstream"
IN1 = "INTO BrokeredEndpoint('/modules/m/inputs/in1')"
IN2 = "INTO BrokeredEndpoint('/modules/m/inputs/in2')"


def evaluator(**entries: object) -> Evaluator:
    return Evaluator(parse_routes(entries, device_id="edge", schema_version="1.1"))


def message(output: str | None = "o", body: bytes = b"", **app: str | None) -> Message:
    return Message(
        sender=ClientId("edge", "camera"),
        output=output,
        app=app,
        sys={"contentType": "application/json", "contentEncoding": "utf-8"},
        body=body,
    )


def route(text: str, priority: int | None = None, ttl: int | None = None) -> dict[str, object]:
    entry: dict[str, object] = {"route": text}
    if priority is not None:
        entry["priority"] = priority
    if ttl is not None:
        entry["timeToLiveSecs"] = ttl
    return entry


ROWS: list[tuple[str, dict[str, object], list[tuple[str, int, int | None, tuple[str, ...]]]]] = [
    ("no route", {}, []),
    ("no match", {"a": f"FROM /messages/modules/other/* {UP}"}, []),
    ("one match", {"a": f"FROM /* {UP}"}, [("iothub", DEFAULT_PRIORITY, None, ("a",))]),
    (
        "two routes to one endpoint are one copy",
        {"a": f"FROM /* {UP}", "b": f"FROM /messages/* {UP}"},
        [("iothub", DEFAULT_PRIORITY, None, ("a", "b"))],
    ),
    (
        "the lowest number wins and brings its time to live",
        {
            "a": route(f"FROM /* {UP}", 5, 50),
            "b": route(f"FROM /messages/* {UP}", 1, 10),
            "c": route(f"FROM /messages/* {UP}", 9, 90),
        },
        [("iothub", 1, 10, ("b", "a", "c"))],
    ),
    (
        "the winner's time to live counts even when it inherits",
        {"a": route(f"FROM /* {UP}", 5, 50), "b": route(f"FROM /* {UP}", 1)},
        [("iothub", 1, None, ("b", "a"))],
    ),
    (
        "the default is lower than 9",
        {"a": f"FROM /* {UP}", "b": route(f"FROM /* {UP}", 9)},
        [("iothub", 9, None, ("b", "a"))],
    ),
    (
        "a route that does not match does not win",
        {"a": route(f"FROM /messages WHERE none = 'x' {UP}", 0, 1), "b": route(f"FROM /* {UP}", 7, 70)},
        [("iothub", 7, 70, ("b",))],
    ),
    (
        "inputs of one module are endpoints of their own",
        {"a": f"FROM /* {IN1}", "b": f"FROM /* {IN2}", "c": f"FROM /* {UP}"},
        [
            ("edge/m/in1", DEFAULT_PRIORITY, None, ("a",)),
            ("edge/m/in2", DEFAULT_PRIORITY, None, ("b",)),
            ("iothub", DEFAULT_PRIORITY, None, ("c",)),
        ],
    ),
    (
        "among equal priorities the first in the document wins",
        {"a": route(f"FROM /* {UP}", 3, 1), "b": route(f"FROM /* {UP}", 3, 2)},
        [("iothub", 3, 1, ("a", "b"))],
    ),
]


@pytest.mark.parametrize(("entries", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_matches(
    entries: dict[str, object], expected: list[tuple[str, int, int | None, tuple[str, ...]]]
) -> None:
    matches = evaluator(**entries).evaluate(message())
    assert [(match.endpoint.id, *match[1:]) for match in matches] == expected


def test_only_a_definite_true_routes() -> None:
    routes = evaluator(a=f"FROM /messages WHERE alert = 'yes' {UP}", b=f"FROM /messages WHERE $body.t {IN1}")
    assert _ids(routes, message(alert="yes", body=b'{"t": true}')) == ["iothub", "edge/m/in1"]
    assert _ids(routes, message(alert="no", body=b'{"t": false}')) == []
    assert _ids(routes, message(body=b'{"t": 1}')) == []
    assert _ids(routes, message(alert=None, body=b"no JSON")) == []


def _ids(routes: Evaluator, given: RoutingMessage) -> list[str]:
    return [match.endpoint.id for match in routes.evaluate(given)]


def test_sources_are_told_apart() -> None:
    routes = evaluator(a=f"FROM /messages/modules/camera/outputs/frames {UP}")
    assert _ids(routes, message("frames")) == ["iothub"]
    assert _ids(routes, message("FRAMES")) == ["iothub"]
    assert _ids(routes, message("other")) == []
    assert _ids(routes, message(None)) == []


def test_memory_of_sources_is_bounded() -> None:
    routes = evaluator(a=f"FROM /messages/* {UP}")
    for number in range(10_000):
        assert _ids(routes, message(f"o{number}")) == ["iothub"]
    assert len(routes._by_source) <= 4096


def test_hub_message_is_a_routing_message() -> None:
    given: RoutingMessage = message()
    assert isinstance(evaluator(a=f"FROM /* {UP}").evaluate(given)[0], Match)


def test_a_simple_test_costs_microseconds() -> None:
    """Measured 2 µs for three routes; the bound leaves room for a busy machine."""
    routes = evaluator(
        a=f"FROM /messages/modules/camera/outputs/o {IN1}",
        b=f"FROM /messages/modules/classifier/* {UP}",
        c=f"FROM /messages WHERE alert = 'yes' {UP}",
    )
    given = message(alert="yes", other="1", more="2")
    rounds = []
    for _ in range(5):
        started = time.process_time()
        for _ in range(2000):
            routes.evaluate(given)
        rounds.append((time.process_time() - started) / 2000)
    assert min(rounds) < 20e-6
