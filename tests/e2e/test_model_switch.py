"""The classifier's model is changed by twin patches under load: no frame is lost, doubled, overtaken or held up."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.ledger import Ledger, unix
from image_classifier.bundle import Bundle, load_bundle
from tests.data import random_records, write_cifar10
from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device, Feed
from tests.patience import wait_for

RECORDS = 500
WINDOW = 64
"""Frames that the camera sends without a credit: so many answers may come from a classifier that stands still."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What the classifier reported of a patch, and how many answers the hub had stored by then."""

    model: dict[str, Any]
    answers: int


@dataclass(slots=True)
class Watch:
    """What crosses the hub: the demo's count, the model of each answer in the order of storage, acknowledgements."""

    feed: Feed
    ledger: Ledger = field(default_factory=Ledger)
    answers: list[tuple[int, str, str]] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)
    acknowledged: dict[int, Acknowledged] = field(default_factory=dict)
    in_use: dict[str, Any] = field(default_factory=dict)

    def read(self) -> Watch:
        for document in self.feed.taken():
            self.ledger.take(document)
            if document["type"] == "reported" and document["module"] == "classifier":
                self._report(document["patch"])
            elif document["type"] == "stored" and document["output"] == "predictions":
                body = json.loads(document["body"])
                self.answers.append((body["sequence"], body["model"]["name"], body["model"]["sha256"]))
                self.stored.append(unix(document["at"]))
        return self

    def wait_for_answers(self, more: int) -> None:
        enough = len(self.read().answers) + more
        wait_for(lambda: len(self.read().answers) >= enough, f"{more} more answers")

    def longest_gap_ms(self, since: int) -> float:
        """The longest time without an answer from number `since` on."""
        times = self.stored[max(0, since - 1) :]
        return 1000 * max(later - earlier for earlier, later in itertools.pairwise(times))

    def _report(self, patch: dict[str, Any]) -> None:
        self.in_use |= patch.get("modelInUse", {})
        model = patch.get("model", {})
        if "av" in model:
            self.acknowledged[model["av"]] = Acknowledged(model, len(self.answers))


@pytest.fixture
def running(device: StartDevice, short: Path) -> Device:
    """A device whose camera repeats its records for ever, as fast as the classifier follows."""
    source = write_cifar10(short / "cifar", random_records(RECORDS))
    started = device(None, CAMERA_SOURCE=f"cifar10:{source}", CAMERA_FPS="0").up()
    started.control.patch_desired("camera", {"loop": True})
    return started


@pytest.fixture
def bundles() -> tuple[Bundle, Bundle]:
    return load_bundle("fast"), load_bundle("accurate")


def ask(running: Device, watch: Watch, model: str) -> tuple[int, Acknowledged]:
    """Patch the twin; how many answers there were then, and the acknowledgement."""
    asked_at = len(watch.read().answers)
    version = running.control.patch_desired("classifier", {"model": model})
    wait_for(lambda: version in watch.read().acknowledged, f"the acknowledgement of {model}")
    return asked_at, watch.acknowledged[version]


def check_whole(running: Device, watch: Watch) -> None:
    """Stop the camera, wait for empty queues: every frame has one answer, in order."""
    assert running.command("method", "camera", "pause").returncode == 0
    wait_for(lambda: not watch.read().ledger.unpredicted, "an answer to every frame")
    ledger = watch.ledger
    assert ledger.missed == 0, "the feed left documents out"
    assert [sequence for sequence, _, _ in watch.answers] == list(range(len(ledger.frames)))
    assert (ledger.duplicates, ledger.out_of_order, ledger.prediction_errors) == (0, 0, 0)
    assert dict(ledger.dropped) == {}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_there_and_back(running: Device, bundles: tuple[Bundle, Bundle]) -> None:
    first, second = bundles
    order = [first, second, first]
    with running.feed("stored,dropped,reported") as feed:
        watch = Watch(feed)
        _, start = ask(running, watch, first.name)
        assert start.model["ac"] == 200
        watch.wait_for_answers(100)
        for bundle in order[1:]:
            asked_at, acknowledged = ask(running, watch, bundle.name)
            assert (acknowledged.model["value"], acknowledged.model["ac"]) == (bundle.name, 200)
            expected = {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}
            assert watch.in_use == expected
            assert acknowledged.answers - asked_at > WINDOW, "frames were not answered while it was prepared"
            watch.wait_for_answers(100)
            # Whoever has read the acknowledgement sees no answer of the old model after it.
            later = {(name, sha256) for _, name, sha256 in watch.answers[acknowledged.answers :]}
            assert later == {(bundle.name, bundle.sha256)}
            print(_timing(watch, bundle.name, asked_at, acknowledged.answers))  # noqa: T201
        check_whole(running, watch)
    periods = [key for key, _ in itertools.groupby(watch.answers, key=lambda answer: answer[1:])]
    assert periods == [(bundle.name, bundle.sha256) for bundle in order]


def _timing(watch: Watch, name: str, asked_at: int, acknowledged_at: int) -> str:
    took_s = watch.stored[acknowledged_at - 1] - watch.stored[asked_at - 1]
    answers = acknowledged_at - asked_at
    return (
        f"to {name}: acknowledged after {took_s:.2f} s and {answers} answers; longest time without an answer "
        f"{watch.longest_gap_ms(asked_at):.0f} ms, before {watch.longest_gap_ms(asked_at - 100):.0f} ms"
    )


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_bad_bundles_are_refused_and_frames_go_on(
    running: Device, bundles: tuple[Bundle, Bundle], short: Path
) -> None:
    good, template = bundles
    with running.feed("stored,dropped,reported") as feed:
        watch = Watch(feed)
        ask(running, watch, good.name)
        watch.wait_for_answers(100)
        for path, words in bad_bundles(template, short):
            asked_at, acknowledged = ask(running, watch, str(path))
            assert acknowledged.model["ac"] == 400, path
            assert acknowledged.model["value"] == good.name
            assert str(path) in acknowledged.model["ad"]
            assert words in acknowledged.model["ad"]
            watch.wait_for_answers(100)
            assert {answer[1:] for answer in watch.answers[asked_at:]} == {(good.name, good.sha256)}
        check_whole(running, watch)
    assert {answer[1:] for answer in watch.answers} == {(good.name, good.sha256)}


def bad_bundles(template: Bundle, short: Path) -> Iterator[tuple[Path, str]]:
    """A path, and what the refusal must say."""
    yield short / "nowhere", "no bundle of this name or path"
    cut = Path(shutil.copytree(template.folder, short / "cut"))
    (cut / template.file).write_bytes(template.model_bytes[:-100])
    yield cut, "sha256"
    # Its document vouches for bytes whose tables point nowhere: only a reader of the model can refuse it.
    hostile = Path(shutil.copytree(template.folder, short / "hostile"))
    content = bytearray(template.model_bytes)
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    (hostile / template.file).write_bytes(content)
    document = json.loads(template.document_path.read_text())
    document["sha256"] = hashlib.sha256(content).hexdigest()
    (hostile / template.document_path.name).write_text(json.dumps(document))
    yield hostile, template.file
