from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.flighting.plan import FlightPlan
from serving.flighting.shares import BUCKETS, Shares, bucket_of
from tests.serving.flighting.documents import plan

STEPS = st.integers(0, BUCKETS)


def flown(*candidates: int) -> FlightPlan:
    """A plan whose candidates have these buckets, and whose primary has the rest."""
    return plan((BUCKETS - sum(candidates)) / 100, *(steps / 100 for steps in candidates))


def assignment(of: FlightPlan) -> list[str]:
    shares = Shares(of)
    return [shares.of_bucket(bucket) for bucket in range(BUCKETS)]


def moved(before: FlightPlan, after: FlightPlan) -> int:
    return sum(a != b for a, b in zip(assignment(before), assignment(after), strict=True))


def least(before: FlightPlan, after: FlightPlan) -> int:
    """How many buckets must move, whatever the rule: what the growing variants gain."""
    old, new = ({v.name: v.steps for v in of.variants} for of in (before, after))
    return sum(max(0, steps - old.get(name, 0)) for name, steps in new.items())


@settings(max_examples=25, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=8).filter(lambda steps: sum(steps) <= BUCKETS))
def test_every_variant_has_its_share_to_the_bucket(candidates: list[int]) -> None:
    of = flown(*candidates)
    counted = Counter(assignment(of))
    assert counted == Counter({v.name: v.steps for v in of.variants if v.steps})


@settings(max_examples=25, deadline=None)
@given(STEPS, STEPS)
def test_a_change_between_two_variants_moves_what_it_must_and_no_more(before: int, after: int) -> None:
    old, new = flown(before), flown(after)
    assert moved(old, new) == least(old, new) == abs(before - after)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_two_candidates_that_trade_with_the_primary_move_what_they_must(data: st.DataObject) -> None:
    old_first, new_first = data.draw(STEPS), data.draw(STEPS)
    room = BUCKETS - max(old_first, new_first)
    second = data.draw(st.integers(0, room))
    old, new = flown(old_first, second), flown(new_first, second)
    assert moved(old, new) == least(old, new)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_two_candidates_that_both_grow_move_what_they_must(data: st.DataObject) -> None:
    first = data.draw(STEPS)
    second = data.draw(st.integers(0, BUCKETS - first))
    smaller_first, smaller_second = data.draw(st.integers(0, first)), data.draw(st.integers(0, second))
    old, new = flown(smaller_first, smaller_second), flown(first, second)
    assert moved(old, new) == least(old, new)


@pytest.mark.parametrize(("key", "bucket"), [("", 8931), ("camera-1", 6817), ("Zoë", 4711)])
def test_the_bucket_of_a_key_is_the_same_on_every_machine(key: str, bucket: int) -> None:
    assert bucket_of(key) == bucket


def test_keys_fall_into_the_buckets_evenly() -> None:
    shares = Shares(flown(2_000))
    counted = Counter(shares.of_key(f"user-{number}") for number in range(20_000))
    assert counted["v1"] == pytest.approx(4_000, abs=300)


@given(st.text())
def test_a_key_keeps_its_variant(key: str) -> None:
    assert Shares(flown(2_500)).of_key(key) == Shares(flown(2_500)).of_key(key)
    assert 0 <= bucket_of(key) < BUCKETS
