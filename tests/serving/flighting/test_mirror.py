from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from prometheus_client import REGISTRY

from serving.flighting.flight import Flight, Versions
from serving.flighting.mirror import Mirror
from serving.flighting.tally import Tally
from tests.patience import PATIENCE_S, eventually
from tests.serving.flighting.documents import decided, plan
from tests.serving.flighting.fakes import BAD_PICTURE, SIDE, Hangar, classification


def dropped(reason: str) -> float:
    labels = {"variant": "v1", "reason": reason}
    return REGISTRY.get_sample_value("serving_flight_mirror_dropped_total", labels) or 0.0


async def flown(hangar: Hangar, percent: float = 50) -> Flight:
    mirrored = plan(100, 0, mirror={"variant": "v1", "percent": percent})
    return await Flight.open(decided(mirrored), Versions(hangar.make), {})


async def counted(flight: Flight, answers: int) -> Tally:
    async with asyncio.timeout(PATIENCE_S):
        while (tally := flight.tallies["v1"]).answered + tally.failed < answers:
            await asyncio.sleep(0.001)
    return tally


@pytest.mark.parametrize(
    ("label", "behaviour", "expected"),
    [
        ("cat", "answers", Tally(answered=1, compared=1)),
        ("dog", "answers", Tally(answered=1, compared=1, disagreed=1, distance=0.8)),
        ("cat", "refuses", Tally(failed=1)),
        ("cat", "raises", Tally(failed=1)),
    ],
)
async def test_a_mirrored_answer_is_compared_and_counted(label: str, behaviour: str, expected: Tally) -> None:
    hangar = Hangar(bundle1=behaviour)
    hangar.labels["bundle1"] = label
    flight = await flown(hangar)
    async with Mirror() as mirror:
        for _ in range(2):
            mirror.offer(flight, b"picture", classification("cat"))
        assert await counted(flight, 1) == expected
    assert hangar.versions["bundle1"].asked == [b"picture"]
    assert not hangar.versions["bundle0"].asked


async def test_a_picture_that_the_primary_answers_is_the_candidate_s_failure_when_it_cannot() -> None:
    flight = await flown(Hangar())
    async with Mirror() as mirror:
        for _ in range(2):
            mirror.offer(flight, BAD_PICTURE, classification("cat"))
        assert await counted(flight, 1) == Tally(failed=1)


@pytest.mark.parametrize(("percent", "taken"), [(0, 0), (10, 100), (33.3, 333), (50, 500)])
async def test_the_share_is_taken_evenly(percent: float, taken: int) -> None:
    flight = await flown(Hangar(), percent)
    mirror = Mirror(max_jobs=1000)  # not entered: nobody takes anything out
    for number in range(1000):
        mirror.offer(flight, bytes(number), classification("cat"))
    numbers = [job.size for job in mirror._jobs]
    assert len(numbers) == pytest.approx(taken, abs=1)
    assert all(later - earlier <= 1000 / taken + 1 for earlier, later in pairwise(numbers))
    await mirror.__aexit__()


async def test_the_queue_is_bounded_in_pictures_and_drops_are_counted() -> None:
    flight, before = await flown(Hangar()), dropped("queue_full")
    mirror = Mirror(max_jobs=3)
    for _ in range(10):
        mirror.offer(flight, b"picture", classification("cat"))
    assert len(mirror._jobs) == 3
    assert dropped("queue_full") - before == 2
    await mirror.__aexit__()


async def test_the_queue_is_bounded_in_bytes_and_drops_are_counted() -> None:
    flight, before = await flown(Hangar()), dropped("bytes_full")
    mirror = Mirror(max_bytes=250)
    for _ in range(10):
        mirror.offer(flight, bytes(100), classification("cat"))
    assert len(mirror._jobs) == 2
    assert dropped("bytes_full") - before == 3
    await mirror.__aexit__()


async def test_an_array_that_waits_keeps_nothing_of_its_request() -> None:
    flight = await flown(Hangar())
    mirror = Mirror()
    pictures = np.zeros((100, SIDE, SIDE, 3), np.uint8)
    for picture in pictures:
        mirror.offer(flight, picture, classification("cat"))
    assert len(mirror._jobs) == 50
    assert not any(
        np.shares_memory(job.picture, pictures) for job in mirror._jobs if not isinstance(job.picture, bytes)
    )
    await mirror.__aexit__()


async def test_pixels_are_mirrored_to_a_candidate_that_takes_their_size_alone() -> None:
    hangar = Hangar()
    flight = await flown(hangar)
    async with Mirror() as mirror:
        for side in (SIDE + 1, SIDE):
            for _ in range(4):
                mirror.offer(flight, np.zeros((side, side, 3), np.uint8), classification("cat"))
        await counted(flight, 2)
    shapes = [
        picture.shape for picture in hangar.versions["bundle1"].asked if isinstance(picture, np.ndarray)
    ]
    assert shapes == [(SIDE, SIDE, 3)] * 2


@pytest.mark.parametrize(("candidate", "reason"), [("other_size", "no_input"), ("full", "candidate_full")])
async def test_what_a_candidate_does_not_take_is_no_failure_of_it(candidate: str, reason: str) -> None:
    flight, before = await flown(Hangar(bundle1=candidate)), dropped(reason)
    async with Mirror() as mirror:
        for _ in range(2):
            mirror.offer(flight, b"picture", classification("cat"))
        await eventually(lambda: dropped(reason) > before)
    assert flight.tallies["v1"] == Tally()


async def test_a_flight_that_is_over_is_not_kept_by_what_waits_for_it() -> None:
    hangar = Hangar()
    flight, before = await flown(hangar), dropped("plan_changed")
    mirror = Mirror()
    for _ in range(4):
        mirror.offer(flight, b"picture", classification("cat"))
    flight.let_go()
    mirror.forget(flight)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert dropped("plan_changed") - before == 2
    assert not hangar.versions["bundle1"].open
    await mirror.__aexit__()


async def test_the_end_drops_what_waits_and_closes_what_it_held() -> None:
    hangar = Hangar(bundle1="waits")
    flight, before = await flown(hangar), dropped("stopped")
    async with Mirror() as mirror:
        for _ in range(6):
            mirror.offer(flight, b"picture", classification("cat"))
        async with asyncio.timeout(PATIENCE_S):
            while not hangar.versions["bundle1"].asked:
                await asyncio.sleep(0.001)
        flight.let_go()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert dropped("stopped") - before == 2
    assert not hangar.versions["bundle1"].open


async def test_it_rests_nine_times_as_long_as_the_candidate_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rests = [0.0], []
    hangar = Hangar()
    flight = await flown(hangar)
    sleep = asyncio.sleep

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await sleep(0)

    def clock() -> float:
        now[0] += 0.5  # read before and after each picture
        return now[0]

    monkeypatch.setattr("serving.flighting.mirror.time.perf_counter", clock)
    monkeypatch.setattr("serving.flighting.mirror.asyncio.sleep", rest)
    async with Mirror() as mirror:
        for _ in range(2):
            mirror.offer(flight, b"picture", classification("cat"))
        async with asyncio.timeout(PATIENCE_S):
            while not rests:
                await sleep(0.001)
    assert rests[0] == pytest.approx(4.5)
