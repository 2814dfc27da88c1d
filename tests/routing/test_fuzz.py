"""What holds for every text and every message: located mistakes only, and no exception while evaluating."""

from __future__ import annotations

import operator
from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_runtime.routing import (
    Evaluator,
    RouteErrors,
    compile_condition,
    explain,
    parse_route,
    parse_routes,
)
from edge_runtime.routing.lexer import tokens
from edge_runtime.routing.message_json import JsonMessage
from edge_runtime.routing.strings import index_of, length, lower, number, substring, upper
from edge_runtime.routing.values import order_strings

WORDS = [
    *(
        "a",
        "b",
        "alert",
        "$messageId",
        "{$cid}",
        "$body.x",
        "$body.a[0].b",
        "$body.",
        "$body.a[",
        "lane!",
        "-x",
    ),
    *("'x'", '"y"', "'", '"', "'\\u00e9'", "'\\uD800'", "1", "-1", "2.5", ".5", "1.", "e5", "0x1F", "1e999"),
    *(
        "true",
        "false",
        "null",
        "undefined",
        "TRUE",
        "AND",
        "or",
        "NOT",
        "??",
        "||",
        "=",
        "!=",
        "<>",
        "<",
        "<=",
    ),
    *(
        ">",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        "(",
        ")",
        ",",
        "{",
        "}",
        "[",
        "]",
        "/*",
        "*/",
        "@",
        "\\",
        ";",
        "\n",
    ),
    *("abs(", "as_number(", "is_null(", "is_bool(", "concat(", "substring(", "length(", "nope(", "power("),
    *(
        "FROM",
        "INTO",
        "WHERE",
        "SELECT",
        "$upstream",
        "BrokeredEndpoint(",
        "'/modules/m/inputs/i'",
        "/messages",
    ),
]
texts = st.lists(st.sampled_from(WORDS), max_size=20).flatmap(
    lambda words: st.sampled_from([" ".join(words), "".join(words)])
)
names = st.sampled_from(
    ["a", "A", "alert", "lane!", "$messageId", "contentType", "contentEncoding", "messageId"]
)
values = (
    st.none() | st.text(max_size=5) | st.sampled_from(["application/json", "utf-8", "utf-16", "5", "1e999"])
)
bodies = st.binary(max_size=20) | st.sampled_from(
    [b'{"x": 1, "a": [{"b": "c"}]}', b'{"x": 1e999}', b'{"x": NaN}', b'{"x":' * 1000, b"{'x': {}}", b'"'],
)
messages = st.builds(
    JsonMessage,
    st.sampled_from(["/messages/", "/messages/modules/m/outputs/o/", "/twinChangeNotifications/", ""]),
    st.dictionaries(names, values, max_size=4),
    st.dictionaries(names, values, max_size=4)
    | st.just({"contentType": "application/json", "contentEncoding": "utf-8"}),
    bodies,
)


@settings(max_examples=400)
@given(texts | st.text(max_size=30), messages)
@example("(" * 20_000, JsonMessage("", {}, {}, b""))
@example("NOT " * 20_000 + "true", JsonMessage("", {}, {}, b""))
@example("'a' || " * 5_000 + "'a' = 'b'", JsonMessage("", {}, {}, b""))
@example("1 + " * 5_000 + "1 = 1", JsonMessage("", {}, {}, b""))
def test_conditions(text: str, message: JsonMessage) -> None:
    try:
        condition = compile_condition(text)
    except RouteErrors as errors:
        lines = text.split("\n")
        for error in errors.errors:
            assert 1 <= error.line <= len(lines)
            assert 1 <= error.column <= len(lines[error.line - 1]) + 1
    else:
        assert condition.truth(message) in ("true", "false", "undefined")


@settings(max_examples=400)
@given(texts, texts, messages)
def test_routes(condition: str, tail: str, message: JsonMessage) -> None:
    for text in (
        f"FROM /messages WHERE {condition} INTO $upstream {tail}",
        f"FROM {condition} INTO {tail}",
        tail,
    ):
        try:
            route = parse_route("r", text, device_id="edge")
        except RouteErrors as errors:
            assert all(error.route == "r" for error in errors.errors)  # noqa: PT017 - most texts are mistakes
        else:
            explanation = explain(route, message)
            assert explanation.matched == bool(Evaluator([route]).evaluate(message))


entries = (
    st.text(max_size=5)
    | st.integers()
    | st.none()
    | st.dictionaries(
        st.sampled_from(["route", "priority", "timeToLiveSecs", "x"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.just("FROM /* INTO $upstream")
        | st.lists(st.none()),
    )
)


@given(st.dictionaries(st.text(max_size=3), entries), st.sampled_from(["1.0", "1.1", "1.9", ""]))
def test_documents(document: dict[str, object], version: str) -> None:
    try:
        routes = parse_routes(document, device_id="edge", schema_version=version)
    except RouteErrors as errors:
        assert errors.errors  # noqa: PT017 - most documents are mistakes
    else:
        assert len(routes) <= len(document)


@given(st.text())
def test_tokens_cover_the_text_in_order(text: str) -> None:
    position = 0
    for token in tokens(text):
        start, end = token.start_pos or 0, token.end_pos or 0
        assert position <= start < end
        assert text[start:end] == token
        position = end


# A model of the arithmetic: Python's own operators on the same tree, printed with every bracket or none.
OPERATORS: dict[str, tuple[int, Callable[[float, float], float]]] = {
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
}
chains = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATORS)), st.integers(min_value=0, max_value=9)), max_size=8
)


@given(st.integers(min_value=0, max_value=9), chains)
def test_arithmetic_agrees_with_python(first: int, rest: list[tuple[str, int]]) -> None:
    text = str(first) + "".join(f" {symbol} {operand}" for symbol, operand in rest)
    expected = eval(text)  # noqa: S307 - digits and + - * only, written above
    message = JsonMessage("", {"expected": str(expected)}, {}, b"")
    assert compile_condition(f"{text} = as_number(expected)").truth(message) == "true"


@given(st.text(), st.text())
def test_strings_order_by_utf16_units(left: str, right: str) -> None:
    units = [text.encode("utf-16-be", "surrogatepass") for text in (left, right)]
    assert (order_strings(left, right) > 0) == (units[0] > units[1])
    assert (order_strings(left, right) == 0) == (units[0] == units[1])


@given(st.text(), st.text(max_size=2), st.floats(), st.floats())
def test_text_functions_count_utf16_units(text: str, part: str, start: float, count: float) -> None:
    units = text.encode("utf-16-le")
    assert length(text) == len(units) / 2
    assert length(lower(text)) == length(upper(text)) == length(text)
    found = index_of(text, part)
    if found >= 0:
        assert substring(text, found, length(part)) == part or found == length(text)
    else:
        assert part not in text
    substring(text, start)
    substring(text, start, count)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["{}", " {} ", "\t{}\n"]))
def test_as_number_reads_every_double(value: float, form: str) -> None:
    assert number(form.format(repr(value))) == value


@given(st.text(alphabet="0123456789.,+-()eE \t", max_size=8))
def test_as_number_never_raises(text: str) -> None:
    number(text)
