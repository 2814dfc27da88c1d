"""Spec C.4, C.5, C.6, C.8: what conditions mean, one row a fact."""

from __future__ import annotations

import itertools

import pytest

from edge_runtime.routing import compile_condition
from edge_runtime.routing.message_json import JsonMessage

MESSAGE = JsonMessage(
    source="/messages/modules/camera/outputs/frames/",
    app={
        "alert": "yes",
        "Count": "3",
        "empty": None,
        "text": "Straße",
        "$messageId": "from the application",
        "true_text": "true",
        "cam": "cam",
        "TRUE": "a property",
        "smile": "a😀b",
        "a-b": "dashed",
        "$body.shadowed": "application",
    },
    sys={
        "messageId": "m-1",
        "cid": "c-1",
        "contentType": "application/json",
        "contentEncoding": "utf-8",
        "connectionModuleId": "camera",
    },
    body=b'{"n": 5, "z": 0, "s": "text", "t": true, "f": false, "nil": null, "o": {"a": 1}, "a": [1, {"b": 2}],'
    b' "date": "2017-03-09T00:00:00.000Z", "five": "5", "shadowed": 1}',
)

TRUE, FALSE, UNDEFINED = "true", "false", "undefined"

PRECEDENCE = [
    ("* before +", "1 + 2 * 3 = 7", TRUE),
    ("- associates to the left", "10 - 4 - 3 = 3", TRUE),
    ("/ and * associate to the left", "12 / 2 * 3 = 18", TRUE),
    ("brackets", "(1 + 2) * 3 = 9", TRUE),
    ("+ before <", "1 + 1 < 3", TRUE),
    ("< before =", "1 < 2 = true", TRUE),
    ("= before AND", "alert = 'yes' AND Count = '3'", TRUE),
    ("AND before OR", "true OR false AND false", TRUE),
    ("OR before ??", "undefined ?? undefined", UNDEFINED),
    ("unary - before binary", "- 2 + 5 = 3", TRUE),
    ("|| and + have one level", "'a' || 'b' || 'c' = 'abc'", TRUE),
    ("NOT before AND", "NOT false AND false", FALSE),
    ("?? associates to the left", "(none ?? none ?? 'x') = 'x'", TRUE),
    ("= associates to the left", "1 = 1 = true", TRUE),
]

THREE_VALUED = [
    ("a missing property is undefined", "none = 'x'", UNDEFINED),
    ("!= of a missing property is undefined too", "none != 'x'", UNDEFINED),
    ("an undefined comparison OR true", "none = 'x' OR true", TRUE),
    ("an undefined comparison AND false", "none = 'x' AND false", FALSE),
    ("NOT undefined", "NOT (none = 'x')", UNDEFINED),
    ("a string as condition never matches", "alert", UNDEFINED),
    ("a number as condition never matches", "1", UNDEFINED),
    ("null as condition is false", "null", FALSE),
    ("undefined as condition", "undefined", UNDEFINED),
    ("an empty condition is undefined", "", UNDEFINED),
    ("a comment alone is an empty condition", "/* nothing */ ", UNDEFINED),
    ("NOT null is true", "NOT null", TRUE),
    ("null = null", "null = null", TRUE),
    ("null AND anything is null", "(null AND true) = null", TRUE),
    ("null OR x is x", "null OR true", TRUE),
    ("undefined = undefined is undefined", "undefined = undefined", UNDEFINED),
    ("strings compare with case", "alert = 'YES'", FALSE),
    ("strings compare ordinally: upper case first", "'Z' < 'a'", TRUE),
    ("strings order by UTF-16 unit: a pair before U+FFFD", r"'\uD83D\uDE00' < '\uFFFD'", TRUE),
    ("division by zero is infinite", "1 / 0 > 1000000", TRUE),
    ("negative division by zero", "-1 / 0 < 0", TRUE),
    ("0/0 is undefined", "is_defined(0 / 0)", FALSE),
    ("x % 0 is undefined", "is_defined(5 % 0)", FALSE),
    ("% keeps the sign of the dividend", "-5 % 3 = -2", TRUE),
    ("infinity - infinity is undefined", "is_defined(1 / 0 - 1 / 0)", FALSE),
    ("infinity % x is undefined", "is_defined(1 / 0 % 2)", FALSE),
    ("x % infinity is x", "5 % (1 / 0) = 5", TRUE),
    ("a literal that overflows is undefined", "is_defined(1e999)", FALSE),
    ("bools compare: false < true", "false < true", TRUE),
]

VALUELESS = [
    ("is_null of a property without value", "is_null(empty)", TRUE),
    ("is_defined of a property without value", "is_defined(empty)", TRUE),
    ("is_string of a property without value", "is_string(empty)", FALSE),
    ("comparison of a property without value", "empty = ''", UNDEFINED),
    ("ordering of a property without value", "empty < 'a'", UNDEFINED),
    ("length of a property without value", "is_defined(length(empty))", FALSE),
    ("lower of a property without value", "is_defined(lower(empty))", FALSE),
    ("contains of a property without value", "contains(empty, '')", UNDEFINED),
    ("as_number of a property without value", "is_defined(as_number(empty))", FALSE),
    ("?? does not replace a property without value", "is_null(empty ?? 'x')", TRUE),
    ("|| takes a property without value as empty", "'a' || empty || 'b' = 'ab'", TRUE),
    ("concat takes a property without value as empty", "concat('a', empty) = 'a'", TRUE),
]

PROPERTIES = [
    ("an application property", "alert = 'yes'", TRUE),
    ("names ignore case", "ALERT = 'yes' AND count = '3'", TRUE),
    ("names with operator characters", "a-b = 'dashed'", TRUE),
    ("a literal in upper case is a property", "TRUE = 'a property'", TRUE),
    ("properties are text, whatever they look like", "true_text = 'true'", TRUE),
    ("$name takes the application property first", "$messageId = 'from the application'", TRUE),
    ("{$name} takes the system property only", "{$messageId} = 'm-1'", TRUE),
    ("{ $name } may have blanks", "{ $messageId } = 'm-1'", TRUE),
    ("$name takes the system property otherwise", "$connectionModuleId = 'camera'", TRUE),
    ("system names ignore case", "$CONNECTIONmoduleID = 'camera'", TRUE),
    ("the correlation id is $cid", "$cid = 'c-1'", TRUE),
    ("there is no $correlationId", "is_defined($correlationId)", FALSE),
    ("$twin has no meaning", "is_defined($twin.tags.x)", FALSE),
    ("a system property with brackets is undefined", "is_defined($x[0])", FALSE),
    ("$body alone is a system property", "$body = 'x'", UNDEFINED),
    ("an application property called $body.x comes first", "$body.shadowed = 'application'", TRUE),
    ("{$body.x} is the body's", "{$body.shadowed} = 1", TRUE),
    ("leaf devices have no module id", "NOT is_defined($connectionModuleId)", FALSE),
]

BODY = [
    ("numbers", "$body.n = 5", TRUE),
    ("strings", "$body.s = 'text'", TRUE),
    ("a bare bool", "$body.t", TRUE),
    ("a bare false", "$body.f", FALSE),
    ("a bare number never matches", "$body.n", UNDEFINED),
    ("a bare string never matches", "$body.s", UNDEFINED),
    ("a bare missing path never matches", "$body.none", UNDEFINED),
    ("bool literals", "$body.t = true", TRUE),
    ("null literal", "$body.nil = null", TRUE),
    ("prefix ignores case", "$BODY.n = 5", TRUE),
    ("names have case", "$body.N = 5", FALSE),
    ("paths through objects and arrays", "$body.o.a = 1 AND $body.a[0] = 1 AND $body.a[1].b = 2", TRUE),
    ("an index beyond the end is missing", "$body.a[9] = null", TRUE),
    ("an index into an object is missing", "$body.o[0] = null", TRUE),
    ("a name in a scalar is missing", "$body.n.x = null", TRUE),
    ("an index beyond 32 bits is undefined", "$body.a[99999999999] = null", UNDEFINED),
    ("a missing path is greater than numbers", "$body.none > 5", TRUE),
    ("a missing path differs from text", "$body.none <> 'x'", TRUE),
    ("a missing path is null", "$body.none = null", TRUE),
    ("text is greater than numbers", "$body.five > 5", TRUE),
    ("text is no number", "$body.five = 5", FALSE),
    ("bool is less than number", "$body.t < 0", TRUE),
    ("null is greater than text", "$body.nil > 'zzz'", TRUE),
    ("objects are undefined", "$body.o <> 1", UNDEFINED),
    ("arrays are undefined", "$body.a = null", UNDEFINED),
    ("dates are undefined", "$body.date <> 'x'", UNDEFINED),
    ("a body value with a property", "$body.five = Count", FALSE),
    ("two body values", "$body.n > $body.z", TRUE),
    ("a missing property with a body value", "none = $body.s", UNDEFINED),
    (
        "arithmetic",
        "$body.n + 1 = 6 AND 10 - $body.n = 5 AND $body.n * $body.n = 25 AND $body.n / 2 = 2.5",
        TRUE,
    ),
    ("arithmetic on text is undefined", "$body.s + 1 = 6", UNDEFINED),
    ("arithmetic to NaN is undefined", "$body.z / $body.z = 1", UNDEFINED),
    ("joining", "$body.s || '!' = 'text!'", TRUE),
    ("joining a number is undefined", "is_defined($body.n || '!')", FALSE),
    ("NOT of a bool", "NOT $body.f", TRUE),
    ("NOT of another kind is undefined", "NOT $body.n", UNDEFINED),
    ("AND of body values", "$body.t AND $body.t", TRUE),
    ("AND with a comparison on the right", "$body.t AND $body.n = 5", TRUE),
    ("OR of body values", "$body.f OR $body.t", TRUE),
    ("AND with another kind on the left is undefined", "$body.n AND false", UNDEFINED),
    ("OR with another kind on the right is undefined", "$body.t OR $body.n", UNDEFINED),
    ("AND with an undefined right side is undefined", "$body.f AND none = 'x'", UNDEFINED),
    ("?? keeps a missing path", "($body.none ?? 'x') = null", TRUE),
    ("?? replaces an object", "($body.o ?? 'x') = 'x'", TRUE),
    ("is_defined of a missing path", "is_defined($body.none)", TRUE),
    ("is_defined of an object", "is_defined($body.o)", FALSE),
    ("is_null of JSON null", "is_null($body.nil)", TRUE),
    ("is_null of a missing path", "is_null($body.none)", FALSE),
    ("is_null of a present scalar", "is_null($body.n)", TRUE),
    ("is_null of an object", "is_null($body.o)", UNDEFINED),
    ("is_number, is_string, is_bool", "is_number($body.n) AND is_string($body.s) AND is_bool($body.f)", TRUE),
    (
        "type predicates are false for another kind",
        "is_number($body.s) OR is_string($body.n) OR is_bool($body.n)",
        FALSE,
    ),
    # Where edgeHub's engine is more particular than the summary in spec C.5 and C.8.
    ("is_bool is never undefined", "is_defined(is_bool($body.o)) AND NOT is_bool($body.o)", TRUE),
    ("a property without value compares with nothing", "$body.s > empty", UNDEFINED),
    ("functions take body values", "length($body.s) = 4 AND abs(0 - $body.n) = 5", TRUE),
    ("functions of the wrong kind are undefined", "is_defined(length($body.n))", FALSE),
    ("as_number of both kinds", "as_number($body.five) = 5 AND as_number($body.n) = 5", TRUE),
]

FUNCTIONS = [
    ("names ignore case", "AS_NUMBER(Count) = 3", TRUE),
    ("abs", "abs(-2) = 2", TRUE),
    ("exp", "exp(0) = 1", TRUE),
    ("exp overflows to infinity", "exp(4000) = 1 / 0", TRUE),
    ("square", "square(-3) = 9", TRUE),
    ("ceiling", "ceiling(-2.1) = -2", TRUE),
    ("ceiling of infinity", "ceiling(1 / 0) = 1 / 0", TRUE),
    ("floor", "floor(-2.1) = -3", TRUE),
    ("sign", "sign(-5) = -1 AND sign(0) = 0 AND sign(1 / 0) = 1", TRUE),
    ("sqrt", "sqrt(9) = 3", TRUE),
    ("sqrt of a negative is undefined", "is_defined(sqrt(-1))", FALSE),
    ("power", "power(2, 3) = 8", TRUE),
    ("power of a negative to a fraction is undefined", "is_defined(power(-8, 0.5))", FALSE),
    ("power overflows to infinity", "power(10, 4000) = 1 / 0", TRUE),
    ("power overflows to minus infinity", "power(-10, 4001) = -1 / 0", TRUE),
    ("zero to a negative power is infinite", "power(0, -1) = 1 / 0", TRUE),
    ("a NaN argument is undefined", "is_defined(abs(0 / 0))", FALSE),
    ("is_number of infinity", "is_number(1 / 0)", FALSE),
    ("is_number of a number", "is_number(1)", TRUE),
    ("is_number of text", "is_number('1')", FALSE),
    ("is_bool", "is_bool(true) AND NOT is_bool('true')", TRUE),
    ("is_string", "is_string(alert) AND NOT is_string(none)", TRUE),
    ("is_null of a missing property", "is_null(none)", FALSE),
    ("is_null of the literal", "is_null(null)", TRUE),
    ("is_defined", "is_defined(alert) AND NOT is_defined(none)", TRUE),
    ("is_defined of an undefined comparison", "is_defined(none = 'x')", FALSE),
    ("concat of two and more", "concat('a', 'b') = 'ab' AND concat('a', 'b', 'c') = 'abc'", TRUE),
    ("concat with a missing property", "is_defined(concat('a', none))", FALSE),
    ("length", "length('hello') = 5 AND length('') = 0", TRUE),
    ("length counts UTF-16 units", "length(smile) = 4", TRUE),
    ("lower and upper", "lower('ABC') = 'abc' AND upper('abc') = 'ABC'", TRUE),
    ("upper keeps what has no single upper letter", "upper(text) = 'STRAßE'", TRUE),
    ("substring", "substring('hello', 1) = 'ello'", TRUE),
    ("substring may start at the end", "substring('hello', 5) = ''", TRUE),
    ("substring beyond the end", "is_defined(substring('hello', 6))", FALSE),
    ("substring before the start", "is_defined(substring('hello', -1))", FALSE),
    ("substring cuts fractions", "substring('hello', 1.9) = 'ello'", TRUE),
    ("substring with a length", "substring('hello', 1, 3) = 'ell'", TRUE),
    ("substring with a length may not start at the end", "is_defined(substring('hello', 5, 0))", FALSE),
    ("substring with too great a length", "is_defined(substring('hello', 4, 2))", FALSE),
    ("substring of UTF-16 units", "substring(smile, 3) = 'b'", TRUE),
    ("index_of", "index_of('hello', 'l') = 2", TRUE),
    ("index_of of what is not there", "index_of('hello', 'x') = -1", TRUE),
    ("index_of of nothing", "index_of('hello', '') = 0", TRUE),
    ("index_of counts UTF-16 units", "index_of(smile, 'b') = 3", TRUE),
    (
        "starts_with, ends_with, contains",
        "starts_with('abc', 'ab') AND ends_with('abc', 'bc') AND contains('abc', 'b')",
        TRUE,
    ),
    ("they have case", "starts_with('abc', 'AB')", FALSE),
    ("a missing property", "starts_with(none, 'a')", UNDEFINED),
]

NUMBERS_IN_TEXT = [
    ("5", "5"),
    (" \\u00095 ", "5"),
    ("-5", "-5"),
    ("+5", "5"),
    ("5-", "-5"),
    ("5 -", "-5"),
    ("(5)", "-5"),
    ("(5.5)", "-5.5"),
    ("1,234.5", "1234.5"),
    ("1,2,3", "123"),
    (".5", "0.5"),
    ("5.", "5"),
    ("1e3", "1000"),
    ("1E-1", "0.1"),
    ("", None),
    (" ", None),
    ("abc", None),
    ("0x10", None),
    ("5%", None),
    ("$5", None),
    ("- 5", None),
    ("-5-", None),
    ("(5", None),
    ("5)", None),
    ("(-5)", None),
    ("1.2.3", None),
    (",5", None),
    ("1e", None),
    ("NaN", None),
    ("1e999", None),
    ("\u0665", None),
]


def _rows() -> list[tuple[str, str, str]]:
    return [*PRECEDENCE, *THREE_VALUED, *VALUELESS, *PROPERTIES, *BODY, *FUNCTIONS]


@pytest.mark.parametrize(
    ("condition", "expected"), [row[1:] for row in _rows()], ids=[row[0] for row in _rows()]
)
def test_truth(condition: str, expected: str) -> None:
    assert compile_condition(condition).truth(MESSAGE) == expected


@pytest.mark.parametrize(("text", "number"), NUMBERS_IN_TEXT)
def test_as_number_reads_dotnet_styles(text: str, number: str | None) -> None:
    condition = f"(as_number('{text}') ?? 77) = {number or 77}"
    assert compile_condition(condition).truth(MESSAGE) == TRUE


KLEENE = {"true": True, "false": False, "undefined": None}


def _kleene(operator: str, values: tuple[str, ...]) -> str:
    decisive = operator == "OR"
    if any(KLEENE[value] is decisive for value in values):
        return str(decisive).lower()
    return UNDEFINED if "undefined" in values else str(not decisive).lower()


@pytest.mark.parametrize("operator", ["AND", "OR"])
@pytest.mark.parametrize(
    "values", [*itertools.product(KLEENE, repeat=2), *itertools.product(KLEENE, repeat=3)]
)
def test_kleene_tables(operator: str, values: tuple[str, ...]) -> None:
    """As literals, and as comparisons whose value is only known when the message comes."""
    comparisons = {"true": "alert = 'yes'", "false": "alert = 'no'", "undefined": "none = 'x'"}
    for texts in (values, tuple(comparisons[value] for value in values)):
        condition = f" {operator} ".join(texts)
        assert compile_condition(condition).truth(MESSAGE) == _kleene(operator, values), condition
        condition = f" {operator} ".join([texts[0], f"({f' {operator} '.join(texts[1:])})"])
        assert compile_condition(condition).truth(MESSAGE) == _kleene(operator, values), condition


@pytest.mark.parametrize(("value", "expected"), [("true", "false"), ("false", "true")])
def test_not(value: str, expected: str) -> None:
    assert compile_condition(f"NOT {value}").truth(MESSAGE) == expected


@pytest.mark.parametrize(
    ("condition", "expected"), [("true", "true"), ("false", "false"), ("none = 'x'", "false")]
)
def test_only_a_definite_true_routes(condition: str, expected: str) -> None:
    assert compile_condition(condition).evaluate(MESSAGE) == expected


STRINGS = [
    (r"'\u0041'", "A"),
    (r"'it\'s'", "it's"),
    (r'"say \"x\""', 'say "x"'),
    (r"'a\\b'", "a\\b"),
    (r"'\uD83D\uDE00'", "😀"),
    ("'line\nbreak'", "line\nbreak"),
    # edgeHub unescapes in two passes, the unicode escapes first.
    (r"'\\u0041'", "\\A"),
]


@pytest.mark.parametrize(("literal", "value"), STRINGS)
def test_string_literals(literal: str, value: str) -> None:
    message = MESSAGE._replace(app={"p": value})
    assert compile_condition(f"p = {literal}").truth(message) == TRUE


HEX = [
    ("0x1F", "31"),
    ("0XfF", "255"),
    ("0xFFFFFFFFFFFFFFFF", "-1"),
    ("0x8000000000000000", "-9223372036854775808"),
]


@pytest.mark.parametrize(("literal", "value"), [*HEX, ("1.", "1"), ("e5", "0"), ("-.5", "0 - 0.5")])
def test_number_literals(literal: str, value: str) -> None:
    assert compile_condition(f"{literal} = {value}").truth(MESSAGE) == TRUE


def test_a_long_chain_neither_nests_nor_fails() -> None:
    for operator, part in ((" OR ", "alert = 'no'"), (" AND ", "alert = 'yes'")):
        assert compile_condition(operator.join([part] * 3000)).truth(MESSAGE) in (TRUE, FALSE)
    assert compile_condition(" || ".join(["'a'"] * 300) + " = alert").truth(MESSAGE) == FALSE
    assert compile_condition("(" * 5000 + "true" + ")" * 5000).truth(MESSAGE) == TRUE
