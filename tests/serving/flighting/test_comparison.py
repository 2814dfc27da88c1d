from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.flighting.comparison import compare

SCORES = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.001, 1), min_size=1).map(
    lambda raw: {label: value / sum(raw.values()) for label, value in raw.items()}
)


@pytest.mark.parametrize(
    ("primary", "candidate", "agreed", "distance"),
    [
        ({"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 0.0}, True, 0.0),
        ({"a": 0.9, "b": 0.1}, {"b": 0.4, "a": 0.6}, True, 0.3),  # the order of labels does not matter
        ({"a": 0.9, "b": 0.1}, {"a": 0.1, "b": 0.9}, False, 0.8),
        ({"a": 0.5, "b": 0.5}, {"a": 0.4, "b": 0.6}, True, 0.1),  # of two equal ones any is the best
        ({"a": 0.4, "b": 0.6}, {"a": 0.5, "b": 0.5}, True, 0.1),
        ({"a": 1.0}, {"b": 1.0}, False, 1.0),
    ],
)
def test_answers_are_compared_by_label_and_by_score(
    primary: dict[str, float], candidate: dict[str, float], agreed: bool, distance: float
) -> None:
    found = compare(primary, candidate)
    assert found.agreed is agreed
    assert found.distance == pytest.approx(distance)


@given(SCORES, SCORES)
def test_the_distance_is_the_same_both_ways_and_within_its_range(
    one: dict[str, float], other: dict[str, float]
) -> None:
    assert compare(one, other).distance == pytest.approx(compare(other, one).distance)
    assert 0 <= compare(one, other).distance <= 1
    assert compare(one, one).distance == 0
    assert compare(one, other).agreed == compare(other, one).agreed
