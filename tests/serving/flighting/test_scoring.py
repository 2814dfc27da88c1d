from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pytest
from prometheus_client import REGISTRY

from image_classifier.classifier import Classification
from image_classifier.preprocess import ModelInput
from serving.batching import Batcher, BatchLimits
from serving.errors import OverloadedError, StuckError
from serving.flighting.conductor import RETRY_S, Conductor
from serving.flighting.plan import FlightPlan
from serving.flighting.scoring import FlightedScoring
from serving.flighting.state import FoundBundle, StateFolder
from serving.flighting.tally import Tally
from serving.flighting.verdict import Verdict
from serving.scoring import Call, Result, Scored
from tests.patience import PATIENCE_S, eventually
from tests.serving.flighting.documents import decided, document, found, of_one_model, plan
from tests.serving.flighting.fakes import BAD_PICTURE, FakeVersion, Hangar, classification
from tests.serving.running import ROOT

ANY = Call("score")
CANDIDATE = Call("score", override="v1")
BOUNDS = {"errorRate": 0.1, "minimumCount": 20}


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


class Service:
    """What the workers of a service share."""

    def __init__(self, folder: Path, *percents: float, **more: Any) -> None:
        self.now = 0.0
        self.file = folder / "flight.json"
        self.state = StateFolder(folder)
        self.write(*percents, **more)
        Conductor(self.file, self.state, check=found).start()

    def write(self, *percents: float, **more: Any) -> None:
        self.file.write_text(json.dumps(document(*percents, **more)))

    def worker(self, hangar: Hangar) -> FlightedScoring:
        return FlightedScoring(self.file, self.state, hangar.make, found, lambda: self.now)


def rescued(reason: str) -> float:
    labels = {"variant": "v1", "reason": reason}
    return REGISTRY.get_sample_value("serving_flight_rescued_total", labels) or 0.0


def label(scored: Scored) -> str:
    (result,) = scored.results
    assert isinstance(result, Classification)
    return result.top[0].label


async def test_each_variant_answers_its_share(tmp_path: Path) -> None:
    async with Service(tmp_path, 70, 30).worker(Hangar()) as scoring:
        names = [
            (await scoring.score(Call("score", sticky_key=f"{n}"), [b""])).bundle.name for n in range(1000)
        ]
    assert 240 <= names.count("bundle1") <= 360


async def test_a_worker_is_ready_while_its_versions_are(tmp_path: Path) -> None:
    hangar = Hangar()
    scoring = Service(tmp_path, 70, 30).worker(hangar)
    found = [scoring.ready]
    async with scoring:
        found.append(scoring.ready)
        hangar.versions["bundle1"].open = False
        found.append(scoring.ready)
    found.append(scoring.ready)
    assert found == [False, True, False, False]


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


async def test_a_mirrored_answer_is_never_returned(tmp_path: Path) -> None:
    hangar = Hangar()
    hangar.labels["bundle1"] = "dog"
    mirror = {"variant": "v1", "percent": 50}
    async with Service(tmp_path, 100, 0, mirror=mirror).worker(hangar) as scoring:
        for _ in range(20):
            assert label(await scoring.score(ANY, [b"picture"])) == "cat"
        await eventually(lambda: scoring.flight.tallies["v1"].disagreed)


async def test_a_candidate_that_hangs_in_the_mirror_holds_up_no_request(tmp_path: Path) -> None:
    mirror = {"variant": "v1", "percent": 50}
    async with Service(tmp_path, 100, 0, mirror=mirror).worker(Hangar(bundle1="waits")) as scoring:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(500):
                await scoring.score(ANY, [b"picture"])
        assert scoring.flight.tallies["v0"].answered == 500


async def test_what_waits_for_a_plan_that_is_over_is_dropped(tmp_path: Path) -> None:
    service, hangar = (
        Service(tmp_path, 100, 0, mirror={"variant": "v1", "percent": 50}),
        Hangar(bundle1="waits"),
    )
    labels = {"variant": "v1", "reason": "plan_changed"}
    before = REGISTRY.get_sample_value("serving_flight_mirror_dropped_total", labels) or 0.0
    async with service.worker(hangar) as scoring:
        for _ in range(20):
            await scoring.score(ANY, [b"picture"])
        await eventually(lambda: hangar.versions["bundle1"].asked)
        service.write(100)
        await eventually(lambda: scoring.flight.revision == 2)
        dropped = (REGISTRY.get_sample_value("serving_flight_mirror_dropped_total", labels) or 0.0) - before
        assert dropped == 9  # of ten; the candidate is at the first
        hangar.versions["bundle1"].go_on.set()
        await eventually(lambda: hangar.versions["bundle1"].left == 1)


async def test_a_candidate_s_own_answers_are_not_mirrored(tmp_path: Path) -> None:
    hangar = Hangar()
    mirror = {"variant": "v1", "percent": 50}
    async with Service(tmp_path, 0, 100, mirror=mirror).worker(hangar) as scoring:
        for _ in range(4):
            await scoring.score(ANY, [b"picture"])
        await asyncio.sleep(0)
        assert len(hangar.versions["bundle1"].asked) == 4


async def test_every_worker_follows_a_new_plan_without_a_failed_request(tmp_path: Path) -> None:
    service = Service(tmp_path, 100)
    hangars = Hangar(), Hangar()
    async with service.worker(hangars[0]) as one, service.worker(hangars[1]) as other:
        workers = (one, other)
        answered: list[str] = []

        async def clients() -> None:
            number = 0
            while not all(worker.flight.revision == 3 for worker in workers):
                number += 1
                for worker in workers:
                    scored = await worker.score(Call("score", sticky_key=f"{number}"), [b""])
                    answered.append(scored.bundle.name)
                await asyncio.sleep(0.001)

        running = asyncio.create_task(clients())
        service.write(50, 50)
        await eventually(lambda: all(worker.flight.revision == 2 for worker in workers))
        service.file.write_text(
            json.dumps(document(100) | {"variants": [{"name": "v0", "bundle": "bundle2", "percent": 100}]})
        )
        async with asyncio.timeout(PATIENCE_S):
            await running
        assert {"bundle0", "bundle1"} <= set(answered)
        await eventually(
            lambda: all(h.versions[name].left == 1 for h in hangars for name in ("bundle0", "bundle1"))
        )
        assert (await one.score(ANY, [b""])).bundle.name == "bundle2"
    assert all(hangar.versions["bundle2"].left == 1 for hangar in hangars)


async def test_a_bundle_is_closed_after_its_last_request(tmp_path: Path) -> None:
    service, hangar = Service(tmp_path, 50, 50), Hangar(bundle1="waits")
    async with service.worker(hangar) as scoring:
        request = asyncio.create_task(scoring.score(CANDIDATE, [b""]))
        await eventually(lambda: hangar.versions["bundle1"].asked)
        service.write(100)
        await eventually(lambda: scoring.flight.revision == 2)
        assert hangar.versions["bundle1"].open
        hangar.versions["bundle1"].go_on.set()
        assert label(await request) == "cat"
        await eventually(lambda: hangar.versions["bundle1"].left == 1)


async def test_a_plan_that_one_worker_cannot_open_leaves_its_last_good_one(tmp_path: Path) -> None:
    service, hangar = Service(tmp_path, 100), Hangar()
    hangar.broken.add("bundle1")
    async with service.worker(hangar) as scoring:
        service.write(90, 10)
        await eventually(lambda: any(report.failed for report in service.state.reports()))
        (report,) = service.state.reports()
        assert (report.revision, report.failed) == (1, "revision 2: no room for bundle1")
        assert (await scoring.score(ANY, [b""])).bundle.name == "bundle0"
        service.write(100)
        await eventually(lambda: scoring.flight.revision == 3)
        await eventually(lambda: not any(report.failed for report in service.state.reports()))


async def test_a_worker_that_could_not_open_a_plan_tries_again(tmp_path: Path) -> None:
    service, hangar = Service(tmp_path, 100), Hangar()
    hangar.broken.add("bundle1")
    async with service.worker(hangar) as scoring:
        service.write(90, 10)
        await eventually(lambda: any(report.failed for report in service.state.reports()))
        hangar.broken.clear()
        await scoring.step()
        assert scoring.flight.revision == 1  # not at every step
        service.now += RETRY_S
        await eventually(lambda: scoring.flight.revision == 2)
        await eventually(lambda: not any(report.failed for report in service.state.reports()))


async def test_a_worker_that_starts_without_a_candidate_serves_says_so_and_takes_it_up_later(
    tmp_path: Path,
) -> None:
    mirror = {"variant": "v1", "percent": 50}
    service, hangar = Service(tmp_path, 0, 60, 40, mirror=mirror), Hangar()
    hangar.broken.add("bundle1")
    async with service.worker(hangar) as scoring:
        assert scoring.ready
        (report,) = service.state.reports()
        assert (report.revision, report.failed) == (1, "revision 1: variant v1: no room for bundle1")
        names = [
            (await scoring.score(Call("score", sticky_key=f"{n}"), [b""])).bundle.name for n in range(100)
        ]
        assert set(names) == {"bundle0", "bundle2"}  # v1's share is the primary's
        assert [scoring.flight.share_percent(name) for name in ("v0", "v1", "v2")] == [60, 0, 40]
        await scoring.step()
        assert scoring.flight.missing
        answered = scoring.flight.tallies["v0"].answered
        hangar.broken.clear()
        service.now += RETRY_S
        await eventually(lambda: not scoring.flight.missing)
        await eventually(lambda: not any(report.failed for report in service.state.reports()))
        assert scoring.flight.tallies["v0"].answered >= answered > 0
        assert (await scoring.score(CANDIDATE, [b""])).bundle.name == "bundle1"


async def test_a_worker_that_starts_without_a_candidate_takes_a_mended_plan(tmp_path: Path) -> None:
    service, hangar = Service(tmp_path, 90, 10), Hangar()
    hangar.broken.add("bundle1")
    async with service.worker(hangar) as scoring:
        service.write(90, 0, 10)
        await eventually(lambda: any("revision 2" in (r.failed or "") for r in service.state.reports()))
        assert (await scoring.score(ANY, [b""])).bundle.name == "bundle0"
        service.write(100)
        await eventually(lambda: scoring.flight.revision == 3)
        await eventually(lambda: not any(report.failed for report in service.state.reports()))


async def test_without_the_primary_s_bundle_a_worker_cannot_start(tmp_path: Path) -> None:
    service, hangar = Service(tmp_path, 90, 10), Hangar()
    hangar.broken.add("bundle0")
    with pytest.raises(MemoryError, match="bundle0"):
        await service.worker(hangar).__aenter__()


async def test_a_decision_that_could_not_be_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(tmp_path, 100)
    async with service.worker(Hangar()) as scoring:
        with monkeypatch.context() as patched:
            patched.setattr(service.state, "decided", lambda: (_ for _ in ()).throw(OSError(24, "EMFILE")))
            service.state.decide(decided(plan(90, 10), 2))
            with pytest.raises(OSError, match="EMFILE"):
                await scoring.step()
        await eventually(lambda: scoring.flight.revision == 2)


async def test_a_candidate_is_taken_back_where_the_plan_that_says_so_cannot_be_opened(
    tmp_path: Path,
) -> None:
    service, hangar = Service(tmp_path, 40, 30, 30), Hangar()
    hangar.broken.add("bundle3")
    verdict = Verdict("errorRate", 0.5, 0.05, 100)
    async with service.worker(hangar) as scoring:
        await scoring.score(CANDIDATE, [b""])
        service.write(10, 20, 30, 40)
        await eventually(lambda: any(report.failed for report in service.state.reports()))
        other = decided(plan(10, 20, 30, 40), 2)
        bundles = {**other.bundles, "v2": other.bundles["v2"].model_copy(update={"sha256": "1" * 64})}
        back = {"v0": verdict, "v1": verdict, "v2": verdict}
        service.state.decide(other.model_copy(update={"bundles": bundles, "rolled_back": back}))
        await eventually(lambda: hangar.versions["bundle1"].left == 1)
        assert scoring.flight.rolled_back == {"v1"}  # v2 is another bundle by now, v0 the primary
        assert (scoring.flight.revision, scoring.flight.tallies["v1"].answered) == (1, 1)
        assert hangar.made == ["bundle0", "bundle1", "bundle2"]


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


async def test_when_the_conducting_worker_ends_another_one_conducts(tmp_path: Path) -> None:
    service = Service(tmp_path, 100)
    async with service.worker(Hangar()) as other:
        async with service.worker(Hangar()):
            service.write(90, 10)
            await eventually(lambda: other.flight.revision == 2)
        service.write(80, 20)
        await eventually(lambda: other.flight.revision == 3)
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


async def test_a_worker_follows_and_ends_while_a_bundle_hangs(tmp_path: Path) -> None:
    service, begun, go_on = Service(tmp_path, 90, 10), threading.Event(), threading.Event()

    def hangs(flown: FlightPlan) -> Mapping[str, FoundBundle]:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return found(flown)

    try:
        async with asyncio.timeout(PATIENCE_S / 2):
            async with FlightedScoring(
                tmp_path / "flight.json", service.state, Hangar().make, hangs
            ) as scoring:
                service.write(80, 20)
                await eventually(begun.is_set)
                await scoring.score(CANDIDATE, [b""])
                await eventually(
                    lambda: any(report.tallies["v1"].answered for report in service.state.reports())
                )
    finally:
        go_on.set()


async def test_before_it_is_entered_a_worker_flies_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no plan is flown"):
        _ = Service(tmp_path, 100).worker(Hangar()).flight
