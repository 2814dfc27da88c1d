from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.manifest.variables import expand, literal

PIECES = st.sampled_from(
    ["$A", "${A}", "$BB", "${BB}", "${C C}", "$", "${", "}", "x", "\n", "é", "$A1", "${}", "$$A", '"', "\\"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES).map("".join), st.dictionaries(st.sampled_from(["A", "BB", "C C"]), st.text("a$A{}")))
def test_replaces_as_the_standard_library_and_so_as_iotedgedev(
    monkeypatch: pytest.MonkeyPatch, text: str, environment: dict[str, str]
) -> None:
    for name in ("A", "BB", "C C", "A1"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    expected = os.path.expandvars(text)
    assert expand(text, environment).text == expected


@pytest.mark.parametrize(
    ("text", "expanded", "undefined"),
    [
        ("$A ${A} $B", "1 1 $B", ["B"]),
        ("${B}", "${B}", ["B"]),
        # never variables, though the environment has them
        ("INTO $upstream", "INTO $upstream", []),
        ('"$edgeHub" "$edgeAgent"', '"$edgeHub" "$edgeAgent"', []),
        ('"$schema-template" "$schema-version"', '"$schema-template" "$schema-version"', []),
        ("${upstream}", "trap", []),  # in braces it can only be a variable
        # placeholders are no variables
        ("${MODULES.eye.debug} ${MODULEDIR<../x>}", "${MODULES.eye.debug} ${MODULEDIR<../x>}", []),
        ("$EMPTY|", "|", []),
        ("$NESTED", "$A", []),  # a value is not expanded again
    ],
)
def test_what_is_a_variable(text: str, expanded: str, undefined: list[str]) -> None:
    environment = {"A": "1", "EMPTY": "", "NESTED": "$A"} | dict.fromkeys(
        ("upstream", "edgeHub", "edgeAgent", "schema"), "trap"
    )
    expansion = expand(text, environment)
    assert expansion.text == expanded
    assert [reference.name for reference in expansion.undefined] == undefined


def test_leads_back_to_the_place_before_the_replacement() -> None:
    expansion = expand("ab $LONG cd\n$SHORT ef $NONE", {"LONG": "12345678", "SHORT": ""})
    assert expansion.text == "ab 12345678 cd\n ef $NONE"
    places = {"a": (1, 1), "1": (1, 4), "8": (1, 4), "c": (1, 10), "e": (2, 8)}
    assert {sign: expansion.position(expansion.text.index(sign)) for sign in places} == places
    assert expansion.variable_at(expansion.text.index("5")) == "LONG"
    assert expansion.variable_at(expansion.text.index("c")) is None
    assert [expansion.position(r.expanded) for r in expansion.undefined] == [(2, 11)]


def test_a_literal_text_keeps_its_places() -> None:
    assert literal("a\n$B").text == "a\n$B"
    assert literal("a\n$B").position(3) == (2, 2)
