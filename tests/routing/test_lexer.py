"""Spec C.3: the longest token wins, and between equals the more special one."""

from __future__ import annotations

import pytest

from edge_runtime.routing.lexer import tokens

ROWS = [
    # What the fact is, the text, its tokens.
    ("a name takes - and .", "a-b a.b", ["NAME a-b", "NAME a.b"]),
    ("a name takes !", "lane!='x'", ["NAME lane!", "EQUAL =", "STRING 'x'"]),
    ("a lone ! before = is an operator", "lane !='x'", ["NAME lane", "NOT_EQUAL !=", "STRING 'x'"]),
    ("a lone ! is a name", "! =", ["NAME !", "EQUAL ="]),
    (
        "arithmetic without blanks is a name",
        "5*3 5+3 5-3 5%3",
        ["NAME 5*3", "NAME 5+3", "NAME 5-3", "NAME 5%3"],
    ),
    ("/ needs no blanks", "6/3", ["INTEGER 6", "SLASH /", "INTEGER 3"]),
    (
        "= < > need no blanks",
        "a=b<c>d",
        ["NAME a", "EQUAL =", "NAME b", "LESS <", "NAME c", "GREATER >", "NAME d"],
    ),
    ("two-character comparisons", "<=>=<>", ["LESS_EQUAL <=", "GREATER_EQUAL >=", "NOT_EQUAL <>"]),
    ("a minus before a name belongs to it", "-x", ["NAME -x"]),
    ("a minus before digits makes a number", "-1 - 1", ["INTEGER -1", "MINUS -", "INTEGER 1"]),
    ("a string with something behind it is a name", "'x'and", ["NAME 'x'and"]),
    ("joined strings without blanks are a name", "'x'||'y'", ["NAME 'x'||'y'"]),
    ("joined strings with blanks", "'x' || 'y'", ["STRING 'x'", "CONCAT ||", "STRING 'y'"]),
    ("double quotes never belong to names", '"x"and', ['STRING "x"', "AND and"]),
    ("a string with a blank is longer than the name in it", "'a b'c", ["STRING 'a b'", "NAME c"]),
    ("backticks are names", "`a`", ["NAME `a`"]),
    ("keywords ignore case", "AND aNd or NOT", ["AND AND", "AND aNd", "OR or", "NOT NOT"]),
    (
        "route words are keywords in conditions too",
        "From INTO where Select",
        ["FROM From", "INTO INTO", "WHERE where", "SELECT Select"],
    ),
    (
        "literals are lower case only",
        "true TRUE null Null",
        ["TRUE true", "NAME TRUE", "NULL null", "NAME Null"],
    ),
    ("undefined is a literal", "undefined Undefined", ["UNDEFINED undefined", "NAME Undefined"]),
    ("a longer word is no keyword", "android nothing", ["NAME android", "NAME nothing"]),
    ("integers and hex", "12 0x1F 0X1f 0x", ["INTEGER 12", "HEX 0x1F", "HEX 0X1f", "NAME 0x"]),
    ("reals", "2.5 .5 1. 1e3 2.5E-3", ["REAL 2.5", "REAL .5", "REAL 1.", "REAL 1e3", "REAL 2.5E-3"]),
    ("an exponent alone is a number", "e5 -E+5", ["REAL e5", "REAL -E+5"]),
    ("digits in front of letters are a name", "1cam 1.2.3 -0x1F", ["NAME 1cam", "NAME 1.2.3", "NAME -0x1F"]),
    ("escapes", r"'\'\"\\\u00e9'", [r"STRING '\'\"\\\u00e9'"]),
    ("another escape ends the string", r"'a\n'", ["UNTERMINATED 'a", "UNKNOWN \\", "NAME n'"]),
    ("an unterminated string goes to the end", "'a b", ["UNTERMINATED 'a b"]),
    ("a system property takes operators", "$body.a+1", ["SYSTEM $body.a+1"]),
    ("a system property takes brackets", "$body.a[0]", ["SYSTEM $body.a[0]"]),
    ("a lone $ is a name", "$ a", ["NAME $", "NAME a"]),
    ("a name takes no brackets", "a[0]", ["BRACKETS a[0]"]),
    ("comments are skipped", "a /* b */ c", ["NAME a", "NAME c"]),
    (
        "comments end at the first end",
        "a /* b */ c */ d",
        ["NAME a", "NAME c", "STAR *", "SLASH /", "NAME d"],
    ),
    ("an open comment is none", "/* a", ["SLASH /", "STAR *", "NAME a"]),
    ("only four blanks separate", "a\u00a0b\tc\r\nd", ["NAME a\u00a0b", "NAME c", "NAME d"]),
    (
        "other characters are no tokens",
        "@;:\\?",
        ["UNKNOWN @", "UNKNOWN ;", "UNKNOWN :", "UNKNOWN \\", "UNKNOWN ?"],
    ),
    ("coalesce", "a??b", ["NAME a", "COALESCE ??", "NAME b"]),
    ("operators that are words", "+ - * % ||", ["PLUS +", "MINUS -", "STAR *", "PERCENT %", "CONCAT ||"]),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_tokens(text: str, expected: list[str]) -> None:
    assert [f"{token.type} {token}" for token in tokens(text)] == expected


def test_positions_count_characters() -> None:
    assert [(token.start_pos, token.end_pos) for token in tokens("a\n /*c*/ 'bc'")] == [(0, 1), (9, 13)]
