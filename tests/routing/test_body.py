"""Spec C.7: which bodies can be asked, what Newtonsoft tolerates, and that no bytes ever raise."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.routing import compile_condition
from edge_runtime.routing.body import Body, parse_path
from edge_runtime.routing.lenient_json import LenientJsonError, nests_too_deep, parse_object
from edge_runtime.routing.message_json import JsonMessage
from edge_runtime.routing.values import UNDEFINED, BodyNull, Value

JSON: dict[str, str | None] = {"contentType": "application/json", "contentEncoding": "utf-8"}


def value(body: bytes | str, path: str = "x") -> Value:
    content = body.encode() if isinstance(body, str) else body
    return Body(content, content_type="application/json", encoding="utf-8").value(parse_path(path))


GATE: list[tuple[str, dict[str, str | None], bytes, bool]] = [
    ("both declared", JSON, b'{"x": 1}', True),
    (
        "values ignore case",
        {"contentType": "Application/JSON", "contentEncoding": "UTF-8"},
        b'{"x": 1}',
        True,
    ),
    ("names ignore case", {"CONTENTTYPE": "application/json", "ContentEncoding": "utf-8"}, b'{"x": 1}', True),
    ("no content type", {"contentEncoding": "utf-8"}, b'{"x": 1}', False),
    ("no content encoding", {"contentType": "application/json"}, b'{"x": 1}', False),
    ("a parameter", {**JSON, "contentType": "application/json;charset=utf-8"}, b'{"x": 1}', False),
    ("another encoding", {**JSON, "contentEncoding": "ascii"}, b'{"x": 1}', False),
    ("no value", {**JSON, "contentEncoding": None}, b'{"x": 1}', False),
    ("utf-16", {**JSON, "contentEncoding": "utf-16"}, '{"x": 1}'.encode("utf-16-le"), True),
    ("utf-32", {**JSON, "contentEncoding": "utf-32"}, '{"x": 1}'.encode("utf-32-le"), True),
    ("bytes of another encoding", {**JSON, "contentEncoding": "utf-16"}, b'{"x": 1}', False),
    ("a byte order mark", JSON, b'\xef\xbb\xbf{"x": 1}', False),
    ("no JSON", JSON, b"x = 1", False),
    ("an empty body", JSON, b"", False),
    ("an image", JSON, b"\xff\xd8\xff\xe0\x00\x10JFIF", False),
    ("an array as root", JSON, b'[{"x": 1}]', False),
    ("a scalar as root", JSON, b"1", False),
    ("text behind the root", JSON, b'{"x": 1} 2', False),
]


@pytest.mark.parametrize(("sys", "body", "eligible"), [row[1:] for row in GATE], ids=[row[0] for row in GATE])
def test_gate(sys: dict[str, str | None], body: bytes, eligible: bool) -> None:
    message = JsonMessage("/messages/", {}, sys, body)
    assert compile_condition("is_defined($body.x)").evaluate(message) == str(eligible).lower()
    assert compile_condition("$body.x = 1").truth(message) == ("true" if eligible else "undefined")


TOLERATED: list[tuple[str, str, Value]] = [
    ("comments", '/* a */ {"x": /* b */ 1 // c\n} // d', 1.0),
    ("single quotes", "{'x': 'it\"s'}", 'it"s'),
    ("unquoted names", "{x: 1, $y_2: 2}", 1.0),
    ("trailing comma in an object", '{"x": 1,}', 1.0),
    ("trailing comma in an array", '{"a": [1,], "x": 2}', 2.0),
    ("the last of equal names", '{"x": 1, "x": 2}', 2.0),
    ("the last of equal names, tolerantly", "{'x': 1, 'x': 2}", 2.0),
    ("raw line breaks in strings", '{"x": "a\nb"}', "a\nb"),
    ("escapes", r"""{'x': '\b\f\n\r\t\/\\\'\"\u0041\uD83D\uDE00'}""", "\b\f\n\r\t/\\'\"A😀"),
    ("hex", '{"x": 0x1F}', 31.0),
    ("octal", '{"x": 017}', 15.0),
    ("a number without digits before the point", '{"x": .5}', 0.5),
    ("a number without digits behind the point", '{"x": 5.}', 5.0),
    ("negative and exponent", "{'x': -1.5e3}", -1500.0),
    ("the words", "{'a': false, 'b': null, 'x': true}", True),
    ("null", "{'x': null}", BodyNull.NULL),
    ("undefined is undefined", '{"x": undefined}', UNDEFINED),
    ("a value left out is undefined", '{"x": , "y": 1}', UNDEFINED),
    ("NaN is undefined", '{"x": NaN}', UNDEFINED),
    ("infinity is undefined", "{'x': -Infinity, 'y': Infinity}", UNDEFINED),
    ("a double that overflows is undefined", '{"x": 1e400}', UNDEFINED),
    ("an integer that overflows a double is undefined", '{"x": 1' + "0" * 350 + "}", UNDEFINED),
    ("a great integer is a number", '{"x": 100000000000000000000}', 1e20),
    ("nested values", "{'a': [{'b': [1, {'x': 2}]}], 'x': 3}", 3.0),
    ("64 levels", '{"a":' * 63 + "{}" + "}" * 63, BodyNull.MISSING),
    ("bytes that are no UTF-8 become replacement characters", '{"x": "\udcff"}', "\ufffd"),
]


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in TOLERATED], ids=[row[0] for row in TOLERATED]
)
def test_tolerated(text: str, expected: Value) -> None:
    assert value(text.encode("utf-8", "surrogateescape")) == expected


REFUSED = [
    ("65 levels", '{"a":' * 64 + "{}" + "}" * 64),
    ("65 levels, tolerantly", "{'a':" * 64 + "{}" + "}" * 64),
    ("100,000 levels", '{"a":' * 100_000),
    ("100,000 arrays", '{"a":' + "[" * 100_000),
    ("100,000 single-quoted levels", "{'a':" * 100_000),
    ("an integer of 5,000 digits, tolerantly", "{'x': " + "1" * 5000 + "}"),
    ("no comma", "{'x': 1 'y': 2}"),
    ("no colon", "{'x' 1}"),
    ("a comma alone", "{,}"),
    ("a word", "{'x': yes}"),
    ("an unknown escape", r"{'x': '\q'}"),
    ("an unterminated string", "{'x': 'abc"),
    ("an unterminated object", "{'x': 1"),
    ("an unterminated comment", "{'x': 1} /* "),
    ("the wrong bracket", "{'x': [1}]"),
    ("a bad octal", "{'x': 09}"),
    ("a bad number", "{'x': 1.2.3}"),
    ("a plus", "{'x': +1}"),
    ("a constructor", "{'x': new Date(1)}"),
]


@pytest.mark.parametrize("text", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(text: str) -> None:
    body = Body(text.encode(), content_type="application/json", encoding="utf-8")
    assert body.value(("x",)) is UNDEFINED
    assert body.ineligible is not None
    assert "JSON object" in body.ineligible


def test_a_refusal_says_where() -> None:
    with pytest.raises(LenientJsonError, match=r"comma .* \(line 2, column 5\)"):
        parse_object("{\na:1 2}")


DATES: list[tuple[str, bool]] = [
    ("2017-03-09T00:00:00", True),
    ("2017-03-09T00:00:00.000Z", True),
    ("2017-03-09T00:00:00.1234567+01:00", True),
    ("2017-03-09T24:00:00", True),
    ("/Date(1489017600000)/", True),
    ("2017-03-09", False),
    ("2017-03-09 00:00:00", False),
    ("2017-13-09T00:00:00", False),
    ("2017-03-09T00:00:00.12345678Z", False),
    ("2017-03-09T00:00", False),
    ("at 2017-03-09T00:00:00Z", False),
]


@pytest.mark.parametrize(("text", "date"), DATES)
def test_dates_are_undefined(text: str, date: bool) -> None:
    assert value(json.dumps({"x": text})) == (UNDEFINED if date else text)


@pytest.mark.parametrize("hostile", ['"\\"' * 60_000, "'\\'" * 60_000, "/*" * 100_000, "[" + "{" * 200_000])
def test_no_body_takes_long(hostile: str) -> None:
    started = time.process_time()
    value("{" * 70 + hostile)
    assert time.process_time() - started < 10


def test_brackets_in_strings_and_comments_are_no_levels() -> None:
    assert not nests_too_deep('{"a": "' + "[" * 100 + '", /*' + "{" * 100 + "*/ 'b': '" + "[" * 100 + "'}")
    assert value('{"x": 1, "a": "' + "[" * 100 + '"}') == 1.0


def test_the_body_is_parsed_once() -> None:
    body = Body(b'{"x": 1, "y": 2}', content_type="application/json", encoding="utf-8")
    assert body.value(("x",)) == 1.0
    body._content = b"no longer looked at"
    assert body.value(("y",)) == 2.0


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values))
def test_the_tolerant_reader_agrees_with_json(document: dict[str, Any]) -> None:
    assert parse_object(json.dumps(document)) == document
    assert parse_object(json.dumps(document, ensure_ascii=False, indent=1)) == document


@given(st.binary(), st.sampled_from(["utf-8", "utf-16", "utf-32", None, "latin-1"]))
def test_no_bytes_raise(content: bytes, encoding: str | None) -> None:
    body = Body(content, content_type="application/json", encoding=encoding)
    body.value(("x", 0, "y"))


fragments = st.sampled_from([*"{}[],:'\"/*\\ \n-+.0x1eE", "//", "true", "NaN", "abc", "\\u00", '"a":', "'b'"])


@given(st.lists(fragments).map("".join))
def test_no_text_raises_anything_else(text: str) -> None:
    value("{" + text)
    with contextlib.suppress(LenientJsonError):
        parse_object("{" + text)
