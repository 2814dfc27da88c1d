from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from serving.errors import UnknownModelError
from serving.flighting.flight import Flight, Versions
from serving.flighting.shares import BUCKETS
from serving.flighting.verdict import Verdict
from serving.scoring import Call
from tests.serving.flighting.documents import decided, of_one_model, plan
from tests.serving.flighting.fakes import Hangar

ANY = Call("score")
TAKEN_BACK = Verdict("errorRate", 0.5, 0.05, 100)


def bucket(number: int) -> Callable[[int], int]:
    def draw(buckets: int) -> int:
        assert buckets == BUCKETS
        return number

    return draw


async def closed(versions: Versions) -> None:
    await asyncio.sleep(0)
    await versions.closed()


async def test_a_call_without_a_key_is_drawn_by_share() -> None:
    flight = await Flight.open(decided(plan(90, 10)), Versions(Hangar().make), {})
    assert flight.variant_for(ANY, bucket(999)) == "v1"
    assert flight.variant_for(ANY, bucket(1000)) == "v0"


async def test_a_key_decides_whatever_is_drawn() -> None:
    flight = await Flight.open(decided(plan(50, 50)), Versions(Hangar().make), {})
    found = {flight.variant_for(Call("score", sticky_key="camera-1"), bucket(n)) for n in range(0, 10_000, 9)}
    assert found == {"v0"}  # bucket 6817


@pytest.mark.parametrize(
    ("call", "variant"),
    [
        (Call("score", override="v1"), "v1"),
        (Call("score", override="v2", sticky_key="camera-1"), "v2"),
        (Call("score", override="1.0.0"), "v0"),  # the version of all, so the one that was drawn
        (Call("v2", model="bundle1"), "v1"),
        (Call("v2", model="bundle2", version="1.0.0"), "v2"),
    ],
)
async def test_a_call_gets_what_it_insists_on(call: Call, variant: str) -> None:
    flight = await Flight.open(decided(plan(90, 10, 0)), Versions(Hangar().make), {})
    assert flight.variant_for(call, bucket(5000)) == variant


async def test_of_several_that_a_call_insists_on_the_one_that_it_falls_to_answers() -> None:
    flight = await Flight.open(decided(plan(90, 10, 0)), Versions(Hangar().make), {})
    assert flight.variant_for(Call("score", override="1.0.0"), bucket(0)) == "v1"


@pytest.mark.parametrize(
    ("call", "rescued"),
    [
        (ANY, True),
        (Call("v2", model="fast"), True),
        (Call("v2", model="fast", sticky_key="camera-1"), True),
        (Call("v2", model="fast", version="1.1.0"), False),
        (Call("score", override="1.1.0"), False),
        (Call("v2", model="fast", override="v1"), False),
    ],
)
async def test_the_primary_answers_in_another_s_place_what_it_fits_too(call: Call, rescued: bool) -> None:
    flown = plan(0, 100)
    flight = await Flight.open(decided(flown, bundles=of_one_model(flown)), Versions(Hangar().make), {})
    assert flight.variant_for(call, bucket(0)) == "v1"
    assert flight.rescues(call, "v1") is rescued
    assert not flight.rescues(call, "v0")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            Call("score", override="v7"),
            "variant or version 'v7' is not served here; served: variant v0 (bundle0 1",
        ),
        (Call("v2", model="bundle0", version="2.0.0"), "model 'bundle0', version '2.0.0' is not served"),
        (Call("v2", model="bundle1", override="v0"), "is not served"),
        (Call("score", override="v1"), "'v1' is not served"),  # it was taken back
    ],
)
async def test_what_is_not_served_is_said_with_what_is(call: Call, told: str) -> None:
    back = decided(plan(90, 10), rolled_back={"v1": TAKEN_BACK})
    flight = await Flight.open(back, Versions(Hangar().make), {})
    with pytest.raises(UnknownModelError) as caught:
        flight.variant_for(call, bucket(0))
    assert told in str(caught.value)


async def test_a_candidate_that_was_taken_back_is_closed_and_moves_no_other_key() -> None:
    before = await Flight.open(decided(plan(70, 10, 10, 10)), Versions(Hangar().make), {})
    hangar = Hangar()
    after = await Flight.open(
        decided(plan(70, 10, 10, 10), rolled_back={"v1": TAKEN_BACK}), Versions(hangar.make), {}
    )
    for number in range(0, 10_000, 7):
        was = before.variant_for(ANY, bucket(number))
        assert after.variant_for(ANY, bucket(number)) == ("v0" if was == "v1" else was)
    assert sorted(hangar.made) == ["bundle0", "bundle2", "bundle3"]
    assert [after.share_percent(f"v{number}") for number in range(4)] == [80, 0, 10, 10]


async def test_versions_stay_open_until_the_last_request_lets_go() -> None:
    hangar = Hangar()
    versions = Versions(hangar.make)
    flight = await Flight.open(decided(plan(50, 50)), versions, {})
    flight.hold()
    flight.let_go()
    flight.hold()
    flight.let_go()  # another plan is flown; a request is still under way
    await closed(versions)
    assert all(version.open for version in hangar.versions.values())
    flight.let_go()
    await closed(versions)
    assert [version.left for version in hangar.versions.values()] == [1, 1]


async def test_a_bundle_that_two_flights_use_is_opened_once_and_closed_with_the_last() -> None:
    hangar = Hangar()
    versions = Versions(hangar.make)
    first = await Flight.open(decided(plan(50, 50)), versions, {})
    second = await Flight.open(decided(plan(100)), versions, {})
    assert hangar.made == ["bundle0", "bundle1"]
    first.let_go()
    await closed(versions)
    assert (hangar.versions["bundle0"].left, hangar.versions["bundle1"].left) == (0, 1)
    second.let_go()
    await closed(versions)
    assert hangar.versions["bundle0"].left == 1


async def test_a_flight_opens_all_or_nothing() -> None:
    hangar = Hangar()
    hangar.broken.add("bundle2")
    versions = Versions(hangar.make)
    with pytest.raises(MemoryError):
        await Flight.open(decided(plan(40, 30, 30)), versions, {})
    await closed(versions)
    assert [version.left for version in hangar.versions.values()] == [1, 1]


async def test_bundles_are_told_with_the_primary_s_first_then_by_share() -> None:
    flight = await Flight.open(decided(plan(10, 30, 60)), Versions(Hangar().make), {})
    assert [bundle.name for bundle in flight.served()] == ["bundle0", "bundle2", "bundle1"]
