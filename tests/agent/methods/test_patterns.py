"""Regular expressions of callers, searched where they can do no harm."""

from __future__ import annotations

import pytest

from edge_runtime.agent.methods.errors import BadArgumentError
from edge_runtime.agent.methods.patterns import checked, search


def test_a_pattern_is_found_anywhere_in_a_text() -> None:
    assert search("b+", ["abc", "", "ac", "b\r", "é b\N{LINE SEPARATOR}"]) == [True, False, False, True, True]


def test_case_counts_unless_it_is_told_not_to() -> None:
    assert search("EDGE", ["edgeHub"]) == [False]
    assert search("EDGE", ["edgeHub"], ignore_case=True) == [True]


def test_nothing_is_searched_in_nothing() -> None:
    assert search(".*", []) == []


def test_a_named_group_of_dotnet_is_read() -> None:
    assert search(r"(?<year>\d{4})-(?<=2026-)x", ["2026-x"]) == [True]
    assert checked(r"(?<!a)(?<n>b)") == r"(?<!a)(?P<n>b)"


@pytest.mark.parametrize("pattern", ["(", "*", "[z-a]", "(?<1>x)", "a{5,2}"])
def test_a_pattern_that_cannot_be_read_is_named(pattern: str) -> None:
    with pytest.raises(BadArgumentError, match="cannot be read"):
        search(pattern, ["a"])


def test_a_pattern_that_never_ends_is_ended() -> None:
    with pytest.raises(BadArgumentError, match=r"not done with 1 lines within 0\.5 s"):
        search("(a+)+$", ["a" * 60 + "b"], timeout_s=0.5)
