from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest
from prometheus_client import REGISTRY

from image_classifier.preprocess import ModelInput
from serving.batching import Batcher, BatchLimits
from serving.errors import OverloadedError, StuckError
from serving.flighting.scoring import FlightedScoring
from serving.flighting.state import FoundBundle
from serving.flighting.tally import Tally
from serving.scoring import Call, Result
from tests.patience import PATIENCE_S, eventually
from tests.serving.flighting.documents import decided, of_one_model, plan
from tests.serving.flighting.fakes import BAD_PICTURE, FakeVersion, Hangar, classification
from tests.serving.flighting.flown import ANY, BOUNDS, CANDIDATE, Service, label
from tests.serving.running import ROOT


class QueuedVersion(FakeVersion):
    """Answers behind a real queue that is soon full."""

    async def __aenter__(self) -> Self:
        limits = BatchLimits(batch=2, queue=4, wait_s=PATIENCE_S)
        self.queue: Batcher[ModelInput, Result] = Batcher(self.answers, limits)
        await self.queue.start()
        return await super().__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self.queue.stop()
        await super().__aexit__(*error)

    def answers(self, pictures: Sequence[ModelInput]) -> list[Result]:
        return [classification(self.label) for _ in pictures]

    async def score(self, pictures: Sequence[ModelInput]) -> list[Result]:
        return await self.queue.submit(pictures)


class QueuedHangar(Hangar):
    async def make(self, found: FoundBundle) -> FakeVersion:
        return QueuedVersion(found)


def rescued(reason: str) -> float:
    labels = {"variant": "v1", "reason": reason}
    return REGISTRY.get_sample_value("serving_flight_rescued_total", labels) or 0.0


async def test_the_answers_and_failures_of_each_variant_are_counted(tmp_path: Path) -> None:
    async with Service(tmp_path, 90, 10).worker(Hangar(bundle1="refuses")) as scoring:
        await scoring.score(Call("score", override="v0"), [b"", BAD_PICTURE, b""])
        await scoring.score(CANDIDATE, [b"", BAD_PICTURE])
        assert scoring.flight.tallies == {"v0": Tally(answered=2), "v1": Tally(failed=1)}


@pytest.mark.parametrize("behaviour", ["refuses", "raises", "hangs"])
async def test_a_candidate_s_failure_is_counted_and_the_primary_answers(
    tmp_path: Path, behaviour: str
) -> None:
    async with Service(tmp_path, 0, 100).worker(Hangar(bundle1=behaviour)) as scoring:
        scored = await scoring.score(ANY, [b""])
        assert (scored.bundle.name, label(scored)) == ("bundle0", "cat")
        assert scoring.flight.tallies == {"v0": Tally(answered=1), "v1": Tally(failed=1)}


@pytest.mark.parametrize("behaviour", ["refuses", "raises", "full"])
async def test_who_asks_for_a_model_by_a_name_that_the_primary_has_too_gets_its_answer(
    tmp_path: Path, behaviour: str
) -> None:
    service, flown = Service(tmp_path, 0, 100), plan(0, 100)
    service.state.decide(decided(flown, bundles=of_one_model(flown)))
    async with service.worker(Hangar(bundle1=behaviour)) as scoring:
        scored = await scoring.score(Call("v2", model="fast"), [b""])
        assert (scored.bundle.name, scored.bundle.version) == ("fast", "1.0.0")
        if behaviour != "full":
            assert scoring.flight.tallies["v1"] == Tally(failed=1)


async def test_who_insists_on_a_candidate_gets_its_failure(tmp_path: Path) -> None:
    async with Service(tmp_path, 90, 10).worker(Hangar(bundle1="raises")) as scoring:
        with pytest.raises(RuntimeError, match="out of luck"):
            await scoring.score(CANDIDATE, [b""])


@pytest.mark.parametrize("call", [ANY, Call("score", override="v0"), CANDIDATE])
async def test_a_service_without_room_is_nobody_s_failure(tmp_path: Path, call: Call) -> None:
    hangar = Hangar(bundle0="full", bundle1="full")
    before = rescued("full")
    async with Service(tmp_path, 0, 100).worker(hangar) as scoring:
        with pytest.raises(OverloadedError):
            await scoring.score(call, [b""])
        assert scoring.flight.tallies == {"v0": Tally(), "v1": Tally()}
    assert rescued("full") == before


async def test_a_candidate_without_room_costs_no_request_and_has_failed_none(tmp_path: Path) -> None:
    before = rescued("full")
    async with Service(tmp_path, 0, 100, rollback=BOUNDS).worker(Hangar(bundle1="full")) as scoring:
        for _ in range(10):
            assert (await scoring.score(ANY, [b"", b""])).bundle.name == "bundle0"
        assert scoring.flight.tallies == {"v0": Tally(answered=20), "v1": Tally()}
        assert rescued("full") - before == 10


async def test_of_two_equal_versions_none_is_taken_back_where_more_comes_than_both_can_score(
    tmp_path: Path,
) -> None:
    """Each has room for a part of what comes: what one refuses the other may just have room for."""
    service, hangar, before = Service(tmp_path, 50, 50, rollback=BOUNDS), QueuedHangar(), rescued("full")
    outcomes: Counter[bool] = Counter()

    async def ask(scoring: FlightedScoring) -> None:
        try:
            await scoring.score(ANY, [b""])
            outcomes[True] += 1
        except OverloadedError:
            outcomes[False] += 1

    async with service.worker(hangar) as scoring, asyncio.timeout(PATIENCE_S):
        while rescued("full") - before < 100:
            await asyncio.gather(*(ask(scoring) for _ in range(32)))
        assert outcomes[True] > 100
        assert outcomes[False] > 100
        assert scoring.flight.tallies["v1"].failed == 0
        await scoring.step()
        await scoring.step()
        assert not scoring.flight.rolled_back


async def test_who_insists_on_a_candidate_without_room_is_told_so(tmp_path: Path) -> None:
    async with Service(tmp_path, 90, 10).worker(Hangar(bundle1="full")) as scoring:
        with pytest.raises(OverloadedError):
            await scoring.score(CANDIDATE, [b""])
        assert scoring.flight.tallies["v1"] == Tally()


async def test_a_candidate_that_fails_in_one_worker_is_taken_back_in_all(tmp_path: Path) -> None:
    service = Service(tmp_path, 50, 50, rollback=BOUNDS)
    hangars = Hangar(bundle1="refuses"), Hangar()
    async with service.worker(hangars[0]) as one, service.worker(hangars[1]) as other:
        async with asyncio.timeout(PATIENCE_S):
            while not one.flight.rolled_back:
                await one.score(ANY, [b""])
                await asyncio.sleep(0.001)
        await eventually(lambda: other.flight.rolled_back == {"v1"})
        assert one.flight.tallies["v1"].failed >= 20  # the same plan, so the numbers go on
        await eventually(lambda: all(hangar.versions["bundle1"].left == 1 for hangar in hangars))
        for number in range(100):
            scored = await other.score(Call("score", sticky_key=f"{number}"), [b""])
            assert scored.bundle.name == "bundle0"


async def test_a_candidate_that_disagrees_is_taken_back(tmp_path: Path) -> None:
    mirror, rollback = {"variant": "v1", "percent": 50}, {"disagreement": 0.2, "minimumCount": 5}
    hangar = Hangar()
    hangar.labels["bundle1"] = "dog"
    async with Service(tmp_path, 100, 0, mirror=mirror, rollback=rollback).worker(hangar) as scoring:
        async with asyncio.timeout(PATIENCE_S):
            while not scoring.flight.rolled_back:
                await scoring.score(ANY, [b""])
                await asyncio.sleep(0.001)
        await eventually(lambda: hangar.versions["bundle1"].left == 1)


async def test_a_primary_that_hangs_ends_its_worker_and_a_candidate_does_not(tmp_path: Path) -> None:
    lost: list[str] = []
    loop = asyncio.get_running_loop()
    async with Service(tmp_path, 0, 100).worker(Hangar(bundle0="hangs", bundle1="hangs")) as scoring:
        loop.set_exception_handler(
            lambda _, context: lost.append(f"{context['message']}: {context['vital']}")
        )
        with pytest.raises(StuckError):
            await scoring.score(CANDIDATE, [b""])
        assert not lost
        with pytest.raises(StuckError):
            await scoring.score(ANY, [b""])
        assert lost == ["the primary's model hangs: True"]
        loop.set_exception_handler(None)


@pytest.mark.parametrize("way", ["asked", "mirrored"])
async def test_a_candidate_that_ends_its_workers_is_taken_back_by_the_next(tmp_path: Path, way: str) -> None:
    mirror = {"variant": "v1", "percent": 50}
    service = Service(tmp_path, 90, 10, mirror=mirror)
    command = [sys.executable, "-m", "tests.serving.flighting.deadly", str(tmp_path), way]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"}
    ended = []
    for _ in range(3):
        child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
        ended.append(await asyncio.wait_for(child.wait(), PATIENCE_S))
        assert service.state.decided().rolled_back.keys() == (set() if len(ended) < 3 else {"v1"})
    assert ended == [-signal.SIGKILL, -signal.SIGKILL, 0]
    verdict = service.state.decided().rolled_back["v1"]
    assert str(verdict) == "2 workers ended while it was at work"
