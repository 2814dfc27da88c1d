"""What `explain` tells of a route and a message."""

from __future__ import annotations

import pytest

from edge_runtime.routing import explain, parse_route
from edge_runtime.routing.message_json import JsonMessage

JSON: dict[str, str | None] = {
    "contentType": "application/json",
    "contentEncoding": "utf-8",
    "messageId": "m",
}
MESSAGE = JsonMessage(
    "/messages/modules/camera/outputs/frames/",
    {"alert": "yes", "empty": None},
    JSON,
    b'{"n": 5, "o": {}}',
)

ROWS = [
    # Condition, its value, the deciding part, that part's value.
    ("alert = 'yes'", "true", "alert = 'yes'", "true"),
    ("alert = 'no'", "false", "alert = 'no'", "false"),
    ("alert = 'yes' AND alert = 'no' AND none = 'x'", "false", "alert = 'no'", "false"),
    ("alert = 'yes' AND none = 'x'", "undefined", "none", "undefined"),
    ("none = 'x' OR alert = 'yes'", "true", "alert = 'yes'", "true"),
    ("none = 'x' OR alert = 'no'", "undefined", "none", "undefined"),
    ("alert = 'a' OR alert = 'b'", "false", "alert = 'a' OR alert = 'b'", "false"),
    ("NOT (alert = 'yes')", "false", "alert = 'yes'", "true"),
    ("NOT (none = 'x')", "undefined", "none", "undefined"),
    ("NOT is_defined(none)", "true", "is_defined(none)", "false"),
    ("length(lower(none)) > 3", "undefined", "none", "undefined"),
    ("length(empty) > 3", "undefined", "length(empty)", "undefined"),
    ("as_number(alert) > 3", "undefined", "as_number(alert)", "undefined"),
    ("$body.n > 7", "false", "$body.n > 7", "false"),
    ("$body.o = 1", "undefined", "$body.o", "undefined"),
    ("$body.none > 7", "true", "$body.none > 7", "true"),
    ("(alert = 'yes' OR none = 'x') AND $body.n = 6", "false", "$body.n = 6", "false"),
]


@pytest.mark.parametrize(("condition", "truth", "deciding", "value"), ROWS)
def test_deciding_part(condition: str, truth: str, deciding: str, value: str) -> None:
    text = f"FROM /messages\nWHERE {condition} INTO $upstream"
    explanation = explain(parse_route("r", text, device_id="edge"), MESSAGE)
    assert explanation.condition == truth
    assert explanation.matched is (truth == "true")
    part = explanation.deciding
    assert part.text.strip("()") == deciding or part.text == deciding
    assert part.value == value
    assert (part.line, part.column) == (2, text.splitlines()[1].index(part.text) + 1)


NOTES = [
    ("none = 'x'", {}, b"", "the message has no property none"),
    ("lane!='x'", {}, b"", "operators need blanks"),
    ("messageId = 'm'", JSON, b"", "write $messageId"),
    ("$correlationId = 'c'", JSON, b"", "called $cid"),
    ("empty = 'x'", {}, b"", "sent without a value"),
    ("$body.n = 5", {}, b"{}", "contentType is not set"),
    ("$body.n = 5", {"contentType": "text/plain"}, b"{}", 'contentType is "text/plain"'),
    ("$body.n = 5", {"contentType": "application/json"}, b"{}", "contentEncoding is not set"),
    ("$body.n = 5", JSON, b"{", "not a JSON object"),
    ("$body.n = 5", JSON, b"{}", "counts as null"),
    ("$body.o = 5", JSON, b'{"o": {}}', "an object, an array or a date"),
    ("'x'", {}, b"", "type string never matches"),
]


@pytest.mark.parametrize(("condition", "sys", "body", "note"), NOTES)
def test_notes(condition: str, sys: dict[str, str | None], body: bytes, note: str) -> None:
    route = parse_route("r", f"FROM /messages WHERE {condition} INTO $upstream", device_id="edge")
    explanation = explain(route, MESSAGE._replace(sys=sys, body=body))
    assert any(note in text for text in explanation.notes), explanation.notes


def test_operands_are_shown() -> None:
    route = parse_route(
        "r", "FROM /messages WHERE $body.n > as_number(alert) INTO $upstream", device_id="edge"
    )
    explanation = explain(route, MESSAGE._replace(app={"alert": "7.5"}))
    assert [(part.text, part.value) for part in explanation.operands] == [
        ("$body.n", "5"),
        ("as_number(alert)", "7.5"),
    ]


def test_source_mismatch() -> None:
    explanation = explain(
        parse_route("r", "FROM /messages/modules/a/* INTO $upstream", device_id="edge"), MESSAGE
    )
    assert not explanation.source_matched
    assert not explanation.matched
    assert "the message comes from /messages/modules/camera/outputs/frames/" in explanation.notes[0]


def test_star_inside_the_source() -> None:
    route = parse_route("r", "FROM /messages/*/camera INTO $upstream", device_id="edge")
    assert "only the last item may be a *" in explain(route, MESSAGE).notes[0]
