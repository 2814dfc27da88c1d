from __future__ import annotations

from results_filter.self_test import self_test
from results_filter.settings import FilterSettings


def test_the_self_test_says_what_the_policy_gave() -> None:
    assert self_test(FilterSettings()) == "the policy gave start, end, start, end, summaries"
