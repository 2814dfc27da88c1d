"""Conditions that do not compile (spec C.3, C.4, C.7, C.8): where the mistake is, one row a fact."""

from __future__ import annotations

import pytest

from edge_runtime.routing import RouteErrors, compile_condition

# What the fact is, the condition, line, column.
SYNTAX = [
    ("== is no operator", "a == 'x'", 1, 4),
    ("&& is no operator", "a = 'x' && b = 'y'", 1, 9),
    ("a string with something behind it is no string", "a = 'x'and b = 'y'", 1, 12),
    ("an unterminated string", "a = 'x", 1, 5),
    ("an unknown escape", r"a = 'x\n'", 1, 5),
    ("a back-slash", "a = \\", 1, 5),
    ("an at sign", "@a = 'x'", 1, 1),
    ("{name} without $", "{a} = 'x'", 1, 2),
    ("an index on an application property", "a[0] = 'x'", 1, 1),
    ("operators inside words leave two operands", "1 -1 = 0", 1, 3),
    ("something behind the condition", "a = 'x' )", 1, 9),
    ("an open bracket", "(a = 'x'", 1, 9),
    ("an operand is missing", "a =", 1, 4),
    ("AND without left side", "AND a = 'x'", 1, 1),
    ("an argument is missing", "abs(1, )", 1, 8),
    ("a route word as property", "from = 'x'", 1, 1),
    ("lines are counted", "a = 'x'\nAND\n  b == 'y'", 3, 6),
    ("two operands without operator", "a 'x'", 1, 3),
    ("a lone ! before an operand", "! a", 1, 3),
]

TYPES = [
    ("a property is no number", "a = 5", 1, 3),
    ("a property is no null", "a = null", 1, 3),
    ("a property is no bool", "a = true", 1, 3),
    ("a property is not undefined", "a != undefined", 1, 3),
    ("number with undefined", "3 = undefined", 1, 3),
    ("number with null", "3 <> null", 1, 3),
    ("bool with string", "true = 'true'", 1, 6),
    ("a body value with undefined", "$body.x = undefined", 1, 9),
    ("ordering a property and a number", "a < 5", 1, 3),
    ("ordering number and null", "1 >= null", 1, 3),
    ("ordering bool and number", "true > 1", 1, 6),
    ("NOT binds tighter than =", "NOT a = 'b'", 1, 1),
    ("null is not ordered", "null <= null", 1, 6),
    ("undefined is not ordered", "undefined < undefined", 1, 11),
    ("a body value is not ordered against null", "$body.x < null", 1, 9),
    ("NOT of a string", "NOT 'a'", 1, 1),
    ("NOT of a number", "NOT 1", 1, 1),
    ("NOT of undefined", "NOT undefined", 1, 1),
    ("+ of strings", "'a' + 'b' = 'ab'", 1, 5),
    ("+ of a property", "a + 1 = 2", 1, 3),
    ("+ of null", "1 + null = 1", 1, 3),
    ("% of a body value", "$body.x % 2 = 0", 1, 9),
    ("unary - of a body value", "- $body.x = 0", 1, 1),
    ("unary - of a property", "- a = 0", 1, 1),
    ("|| of a number", "'a' || 1 = 'a1'", 1, 5),
    ("|| of null", "'a' || null = 'a'", 1, 5),
    ("|| in the middle of a chain", "'a' || 'b' || 1 = 'ab1'", 1, 12),
    ("AND of a property", "a AND true", 1, 3),
    ("AND of a number", "true AND 1", 1, 6),
    ("AND of bool with a bare body value", "a = 'x' AND $body.ok", 1, 9),
    ("OR of bool with a bare body value", "true OR $body.ok", 1, 6),
    ("null AND undefined", "null AND undefined", 1, 6),
    ("a body value AND null", "$body.x AND null", 1, 9),
    ("a third operand of the wrong type", "true AND true AND 1", 1, 15),
    ("?? of string and number", "a ?? 5", 1, 3),
    ("?? of a body value and undefined", "$body.x ?? undefined", 1, 9),
    ("?? is looser than =", "a ?? 'x' = 'y'", 1, 3),
    ("an overflowing literal is undefined", "3 = 1e999", 1, 3),
]

FUNCTIONS = [
    ("unknown function", "foo(a)", 1, 1),
    ("unknown function inside", "true AND lenght(a) = 1", 1, 10),
    ("a minus that belongs to the name", "-abs(1) = -1", 1, 1),
    ("abs of a string", "abs(a) = 1", 1, 1),
    ("abs of two", "abs(1, 2) = 1", 1, 1),
    ("power of one", "power(1) = 1", 1, 1),
    ("concat of one", "concat('a') = 'a'", 1, 1),
    ("concat of a number", "concat('a', 1) = 'a1'", 1, 1),
    ("length of a number", "length(1) = 1", 1, 1),
    ("length of null", "length(null) = 1", 1, 1),
    ("substring of one", "substring(a) = 'a'", 1, 1),
    ("substring from a string", "substring(a, 'b') = 'a'", 1, 1),
    ("index_of a number", "index_of(a, 1) = 1", 1, 1),
    ("starts_with one", "starts_with(a)", 1, 1),
    ("as_number of a bool", "as_number(true) = 1", 1, 1),
    ("as_number of nothing", "as_number() = 1", 1, 1),
    ("is_defined of nothing", "is_defined()", 1, 1),
    ("is_null of two", "is_null(a, b)", 1, 1),
    ("twin_change_includes", "twin_change_includes(properties.reported.x)", 1, 1),
]

PATHS = [
    ("an empty path", "$body. = 1", 1, 1),
    ("an empty name", "$body.a..b = 1", 1, 1),
    ("a trailing dot", "$body.a. = 1", 1, 1),
    ("a numeric segment", "$body.a.0 = 1", 1, 1),
    ("an empty index", "$body.a[] = 1", 1, 1),
    ("an index *", "$body.a[*] = 1", 1, 1),
    ("a negative index", "$body.a[-1] = 1", 1, 1),
    ("a range", "$body.a[1:2] = 1", 1, 10),
    ("an index by name", "$body['a'] = 1", 1, 1),
    ("an index without name", "$body.[0] = 1", 1, 1),
    ("text behind an index", "$body.a[0]b = 1", 1, 1),
    ("operators are part of the token", "$body.a[0]+1 = 1", 1, 1),
    ("a path in braces", "true AND {$body.} = 1", 1, 11),
]

ROWS = [*SYNTAX, *TYPES, *FUNCTIONS, *PATHS]


@pytest.mark.parametrize(("text", "line", "column"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_mistake_is_located(text: str, line: int, column: int) -> None:
    with pytest.raises(RouteErrors) as caught:
        compile_condition(text)
    error = caught.value.errors[0]
    assert (error.line, error.column) == (line, column), error
    assert error.message
    assert error.mend
    assert f"line {line}, column {column}" in str(caught.value)


# What compiles although SQL intuition says otherwise.
COMPILES = [
    "null = null",
    "undefined = undefined",
    "$body.x AND 5",
    "$body.x OR null",
    "NOT null",
    "null AND null",
    "null OR false",
    "lane!='x'",
    "-x = '5*3'",
    "is_null(5)",
    "$unknown = 'x'",
    "$body.123abc = 1",
    "$body.a[0][1].b = 1",
]


@pytest.mark.parametrize("text", COMPILES)
def test_compiles(text: str) -> None:
    assert compile_condition(text).text == text


def test_all_type_mistakes_of_a_condition_are_told() -> None:
    with pytest.raises(RouteErrors) as caught:
        compile_condition("a = 5 AND foo(b) AND abs('x') = 1")
    assert [error.column for error in caught.value.errors] == [3, 11, 22]


def test_a_mistake_causes_no_second_one() -> None:
    with pytest.raises(RouteErrors) as caught:
        compile_condition("NOT (foo(1) + 1 = 'x')")
    assert len(caught.value.errors) == 1


def test_too_deep_nesting_is_a_mistake() -> None:
    with pytest.raises(RouteErrors, match="nests more than 100"):
        compile_condition("abs(" * 200 + "1" + ")" * 200 + " = 1")


MENDS = [
    ("a == 5", "single ="),
    ("a && b", "AND"),
    ("lenght(a) = 1", "length"),
    ("-abs(1) = 1", "blank"),
    ("a = 5", "as_number"),
    ("NOT a = 'b'", r"NOT \(a = 'b'\)"),
    ("true AND $body.ok", r"\$body.path = true"),
    ("'abc", "quote"),
]


@pytest.mark.parametrize(("text", "mend"), MENDS)
def test_mend_fits_the_mistake(text: str, mend: str) -> None:
    with pytest.raises(RouteErrors, match=mend):
        compile_condition(text)
