"""Flighting in the real service with two workers, under load, with the bundles that ship."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from image_classifier.bundle import find_bundle, load_bundle
from image_classifier.seal import seal
from tests.patience import PATIENCE_S
from tests.serving.running import AUTHORIZATION, KEY, ROOT, RunningService, golden_picture, running

CLIENTS = 4


def wrong_bundle(folder: Path) -> Path:
    """`fast` with every label moved by one: sound in itself, and it agrees with `fast` on no picture."""
    shutil.copytree(find_bundle("fast"), folder)
    document = json.loads((folder / "bundle.json").read_text())
    images = {vector.name: vector.image for vector in load_bundle("fast").golden_vectors}
    labels = document["labels"]
    draft = document | {"name": "wrong", "labels": [*labels[1:], labels[0]]}
    (folder / "bundle.json").unlink()
    seal(folder, draft, images)
    return folder


class PlanFile:
    """A plan as Kubernetes mounts it: a link to a folder that is swapped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "flight.json"
        self.path.symlink_to("..data/flight.json")
        self._versions = 0

    def write(self, variants: dict[str, tuple[str, float]], **more: Any) -> Path:
        listed = [{"name": n, "bundle": b, "percent": p} for n, (b, p) in variants.items()]
        document = {"schema": "flight/1", "primary": next(iter(variants)), "variants": listed, **more}
        self._versions += 1
        version = self.folder / f"..{self._versions}"
        version.mkdir()
        (version / "flight.json").write_text(json.dumps(document))
        (self.folder / "..new").symlink_to(version.name)
        (self.folder / "..new").replace(self.folder / "..data")
        return self.path


class Load:
    """Clients that ask without a pause, each request on a connection of its own."""

    def __init__(self, service: RunningService) -> None:
        self.answers: Counter[str] = Counter()
        self.failed: list[str] = []
        self._service = service
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, client: int) -> None:
        number = 0
        while not self._stopping.is_set():
            number += 1
            headers = {"Content-Type": "image/png", "X-Flight-Key": f"{client}-{number}"}
            try:
                answer = self._service.request("POST", "/score", PICTURE, headers)
                text = "" if answer.status == 200 else f"{answer.status}: {answer.body!r}"
            except OSError as error:
                text = repr(error)
            with self._lock:
                if text:
                    self.failed.append(text)
                else:
                    self.answers[answer.body.decode()] += 1


PICTURE = golden_picture()


@contextmanager
def load(service: RunningService) -> Iterator[Load]:
    found = Load(service)
    found.start()
    try:
        yield found
    finally:
        found.stop()


def status(service: RunningService) -> Any:
    return service.request("GET", "/flight").json()


def until(condition: Callable[[], bool], service: RunningService) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{status(service)}\n{service.log.read_text()}"
        time.sleep(0.05)


def all_on(service: RunningService, revision: int) -> bool:
    workers = status(service)["workers"]
    return len(workers) == 2 and all(worker["revision"] == revision for worker in workers)


def model_of(answer: str) -> str:
    return str(json.loads(answer)["model"]["name"])


def test_a_plan_changes_under_load_without_a_failed_request(tmp_path: Path) -> None:
    plan = PlanFile(tmp_path)
    plan.write({"stable": ("fast", 100)})
    with running(tmp_path, "--flights", str(plan.path)) as service, load(service) as under:
        until(lambda: all_on(service, 1) and under.answers.total() > 20, service)
        plan.write({"stable": ("fast", 50), "next": ("accurate", 50)})
        until(lambda: all_on(service, 2), service)
        seen = under.answers.total()
        until(lambda: under.answers.total() > seen + 40, service)
        plan.write({"next": ("accurate", 100)})
        until(lambda: all_on(service, 3), service)
        plan.write({"next": ("accurate", 90)})
        until(lambda: bool(status(service)["refused"]), service)
        assert all_on(service, 3)
        under.stop()
        assert under.failed == []
        assert {model_of(answer) for answer in under.answers} == {"fast", "accurate"}
        last = service.request("POST", "/score", PICTURE, {"Content-Type": "image/png"})
        assert last.json()["model"]["name"] == "accurate"


def test_a_candidate_that_disagrees_is_taken_back_by_itself_and_never_answers(tmp_path: Path) -> None:
    plan, wrong = PlanFile(tmp_path), wrong_bundle(tmp_path / "wrong")
    plan.write(
        {"stable": ("fast", 100), "next": (str(wrong), 0)},
        mirror={"variant": "next", "percent": 50},
        rollback={"disagreement": 0.2, "minimumCount": 20},
    )
    with running(tmp_path, "--flights", str(plan.path)) as service, load(service) as under:
        until(lambda: bool(status(service)["variants"]["next"]["rolledBack"]), service)
        until(lambda: service.metric("serving_flight_share_percent") == 100, service)
        under.stop()
        assert under.failed == []
        assert {model_of(answer) for answer in under.answers} == {"fast"}
        verdict = status(service)["variants"]["next"]["rolledBack"]
        assert (verdict["cause"], verdict["measured"]) == ("disagreement", 1.0)
        assert verdict["count"] >= 20
        assert service.metric("serving_flight_rollbacks_total") == 1
        assert service.metric("serving_flight_mirrored_total") >= 20
        assert "flight variant next is taken back: disagreement 1 of" in service.log.read_text()
        insisting = {"Content-Type": "image/png", "X-Model-Version": "next"}

        def gone() -> bool:
            return service.request("POST", "/score", PICTURE, insisting).status == 404

        until(lambda: all(gone() for _ in range(6)), service)


def test_the_status_needs_a_key_and_exists_with_a_plan_alone(tmp_path: Path, service: RunningService) -> None:
    assert service.request("GET", "/flight").status == 404
    plan = PlanFile(tmp_path).write({"stable": ("fast", 100)})
    with running(tmp_path, "--flights", str(plan), workers=1) as flying:
        assert flying.request("GET", "/flight", headers={"Authorization": "Bearer wrong"}).status == 401
        assert flying.request("GET", "/flight", headers=AUTHORIZATION).json()["revision"] == 1


@pytest.mark.parametrize(
    ("variants", "told"),
    [
        ({"stable": ("fast", 90.0)}, "sum to 90"),
        ({"stable": ("no-such-bundle", 100.0)}, "variant stable: "),
    ],
)
def test_a_wrong_first_plan_is_no_start(
    tmp_path: Path, variants: dict[str, tuple[str, float]], told: str
) -> None:
    plan = PlanFile(tmp_path).write(variants)
    command = [sys.executable, "-P", "-m", "serving", "--port", "0", "--flights", str(plan)]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}",
        "TMPDIR": str(tmp_path),
        "SCORING_KEY_PRIMARY": KEY,
    }
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 2
    assert told in ended.stderr
    assert not list(tmp_path.glob("serving-*"))
