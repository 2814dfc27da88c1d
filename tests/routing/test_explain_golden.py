"""Twenty-eight routes, one message each: which part of the condition decides, and what it came to.

The value of every row follows from section C of the specification; the part is the smallest whose value
alone makes the condition what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from edge_runtime.routing import RouteErrors, explain, parse_route
from edge_runtime.routing.message_json import parse_message

JSON = {"contentType": "application/json", "contentEncoding": "utf-8"}


@dataclass(frozen=True)
class Row:
    """A condition and a message; what decides (`part`), its value, what it was made of, and a note."""

    fact: str
    condition: str
    truth: str
    part: str
    value: str
    operands: tuple[str, ...] = ()
    note: str = ""
    app: dict[str, str | None] = field(default_factory=dict)
    sys: dict[str, str] = field(default_factory=dict)
    body: object = None


GOLDEN = [
    # AND: one false decides, whatever is undefined beside it; C.5
    Row("C.5 a false operand of AND decides", "a = '1' AND b = '2' AND c = '3'", "false", "b = '2'", "false",
        ('b is "x"',), app={"a": "1", "b": "x", "c": "y"}),
    Row("C.5 undefined AND false is false", "none = '1' AND b = '2'", "false", "b = '2'", "false",
        ('b is "x"',), app={"b": "x"}),
    Row("C.5 undefined AND true is undefined", "a = '1' AND none = '2'", "undefined", "none", "undefined",
        note="the message has no property none", app={"a": "1"}),
    Row("C.5 all true: the whole AND decides", "a = '1' AND b = '2'", "true", "a = '1' AND b = '2'", "true",
        ("a = '1' is true", "b = '2' is true"), app={"a": "1", "b": "2"}),
    # OR: one true decides
    Row("C.5 a true operand of OR decides", "a = 'x' OR b = '2' OR none = '3'", "true", "b = '2'", "true",
        ('b is "2"',), app={"a": "1", "b": "2"}),
    Row("C.5 undefined OR true is true", "none = 'x' OR b = '2'", "true", "b = '2'", "true", ('b is "2"',),
        app={"b": "2"}),
    Row("C.5 undefined OR false is undefined", "none = 'x' OR b = '3'", "undefined", "none", "undefined",
        app={"b": "2"}),
    Row("C.5 all false: the whole OR decides", "a = 'x' OR a = 'y'", "false", "a = 'x' OR a = 'y'", "false",
        ("a = 'x' is false", "a = 'y' is false"), app={"a": "1"}),
    Row("C.4 AND binds tighter than OR", "a = '1' OR a = 'x' AND a = 'y'", "true", "a = '1'", "true",
        ('a is "1"',), app={"a": "1"}),
    # NOT
    Row("C.5 NOT shows what it turns round", "NOT (a = '1')", "false", "(a = '1')", "true", ('a is "1"',),
        app={"a": "1"}),
    Row("C.5 NOT undefined is undefined", "NOT (none = '1')", "undefined", "none", "undefined"),
    Row("C.5 NOT of an AND: the false operand", "NOT (a = '1' AND b = '2')", "true", "b = '2'", "false",
        ('b is "x"',), app={"a": "1", "b": "x"}),
    # the body
    Row("C.7 a value of the body", "$body.n > 5", "false", "$body.n > 5", "false", ("$body.n is 4",), sys=JSON,
        body={"n": 4}),
    Row("C.7 a missing path beats every number", "$body.none > 5", "true", "$body.none > 5", "true",
        ("$body.none is missing",), "a missing path counts as null", sys=JSON, body={"n": 4}),
    Row("C.7 text beats every number", "$body.n > 5", "true", "$body.n > 5", "true", ('$body.n is "4"',),
        sys=JSON, body={"n": "4"}),
    Row("C.7 no content type: undefined", "$body.n > 5", "undefined", "$body.n", "undefined",
        note="contentType is not set", body={"n": 6}),
    Row("C.7 content type with a parameter: undefined", "$body.n > 5", "undefined", "$body.n", "undefined",
        note='contentType is "application/json; charset=utf-8"',
        sys={"contentType": "application/json; charset=utf-8", "contentEncoding": "utf-8"}, body={"n": 6}),
    Row("C.7 no content encoding: undefined", "$body.n > 5 OR a = '1'", "true", "a = '1'", "true", ('a is "1"',),
        app={"a": "1"}, sys={"contentType": "application/json"}, body={"n": 6}),
    Row("C.7 an object is undefined", "$body.o = 5", "undefined", "$body.o", "undefined",
        note="an object, an array or a date", sys=JSON, body={"o": {}}),
    Row("C.7 is_defined of a missing path", "is_defined($body.none)", "true", "is_defined($body.none)", "true",
        ("$body.none is missing",), sys=JSON, body={}),
    Row("C.7 is_null of a missing path", "is_null($body.none)", "false", "is_null($body.none)", "false",
        ("$body.none is missing",), sys=JSON, body={}),
    Row("C.4 a bare body value that is true, and a false one", "$body.ok AND $body.n = 5", "false", "$body.n = 5",
        "false", ("$body.n is 4",), sys=JSON, body={"ok": True, "n": 4}),
    Row("C.4 a bare body value that is no true or false", "$body.ok AND $body.n = 4", "undefined", "$body.ok",
        '"yes"', sys=JSON, body={"ok": "yes", "n": 4}),
    # properties and functions
    Row("C.5 a property without a value", "a = '1'", "undefined", "a = '1'", "undefined", ("a is null",),
        "sent without a value", app={"a": None}),
    Row("C.8 is_null of a property without a value", "is_null(a)", "true", "is_null(a)", "true", ("a is null",),
        app={"a": None}),
    Row("C.8 text that is no number", "as_number(a) > 5", "undefined", "as_number(a)", "undefined",
        ('a is "warm"',), app={"a": "warm"}),
    Row("C.8 functions in functions", "length(concat(a, b)) = 5", "false", "length(concat(a, b)) = 5", "false",
        ("length(concat(a, b)) is 4",), app={"a": "12", "b": "34"}),
    Row("C.6 a system property without its $", "messageId = 'm'", "undefined", "messageId", "undefined",
        note="write $messageId", sys={"messageId": "m"}),
]  # fmt: skip


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: row.fact)
def test_what_decides(row: Row) -> None:
    text = f"FROM /messages/modules/eye/outputs/* WHERE {row.condition} INTO $upstream"
    message = parse_message(
        {"app": row.app, "sys": row.sys, "body": row.body, "module": "eye", "output": "seen"}
    )
    explanation = explain(parse_route("r", text, device_id="edge"), message)
    assert explanation.source_matched
    assert explanation.condition == row.truth
    assert explanation.matched is (row.truth == "true")
    assert (explanation.deciding.text, explanation.deciding.value) == (row.part, row.value)
    assert tuple(f"{part.text} is {part.value}" for part in explanation.operands) == row.operands
    assert row.note in "\n".join(explanation.notes)
    at = text.index(row.part, text.index("WHERE "))
    assert (explanation.deciding.line, explanation.deciding.column) == (1, at + 1)


@pytest.mark.parametrize(
    ("condition", "at", "what", "mend"),
    [
        ("a > 5", ">", "> does not take a property (a string) and number", "as_number(property) = 5"),
        ("NOT a = 'b'", "NOT", "NOT does not take a property (a string)", "write NOT (a = 'b')"),
        ("a = '1' AND $body.ok", "AND", "AND does not take bool and a body value", "$body.path = true"),
    ],
)
def test_what_never_gets_a_value_is_told_before(condition: str, at: str, what: str, mend: str) -> None:
    """Spec C.4 refuses these when the route is set, so no message has an explanation."""
    text = f"FROM /messages WHERE {condition} INTO $upstream"
    with pytest.raises(RouteErrors) as caught:
        parse_route("r", text, device_id="edge")
    (error,) = caught.value.errors
    assert error.message == what
    assert mend in error.mend
    assert (error.line, error.column) == (1, text.index(at) + 1)
