from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from serving.flighting.conductor import RETRY_S
from serving.flighting.plan import FlightPlan
from serving.flighting.scoring import FlightedScoring
from serving.flighting.state import FoundBundle
from serving.flighting.verdict import Verdict
from serving.scoring import Call
from tests.patience import PATIENCE_S, eventually
from tests.serving.flighting.documents import decided, document, found, plan
from tests.serving.flighting.fakes import Hangar
from tests.serving.flighting.flown import ANY, CANDIDATE, Service, label


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
