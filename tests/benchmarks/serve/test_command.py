from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import Any

import pytest

from benchmarks.serve.command import (
    CONNECTIONS,
    OVERLOAD,
    TAIL,
    Found,
    document,
    drawn_pictures,
    goodput,
    offered,
    open_by_processor,
    open_ratio,
    p99_ratio,
    ratios,
)
from benchmarks.serve.instance import tree
from benchmarks.serve.load import Measured
from benchmarks.serve.open_loop import OpenLoad
from benchmarks.serve.subjects import OURS, OURS_BASE64, ROOT, SUBJECTS
from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from tests.patience import PATIENCE_S


def found(*answered: float, overload: float = 0.0) -> Found:
    """A subject whose rounds answered so many a second, with any number of connections."""
    loads = {c: [Measured(c, rate, 0, 0, 1, 2, 3) for rate in answered] for c in CONNECTIONS}
    loads[OVERLOAD] = [Measured(OVERLOAD, overload, 5000, 0, 1, 2, 3)]
    return Found([1.0], [[40.0, 90.0][::-1]], loads)


def test_ratios_are_of_medians_to_the_best_peer() -> None:
    measured = {OURS: found(900, 1000, 5000), "LitServe": found(400), "MLServer": found(500)}
    assert ratios(measured) == {"1": 2.0, "16": 2.0, "64": 2.0}


def test_our_own_other_row_is_no_peer() -> None:
    assert ratios({OURS: found(1000), OURS_BASE64: found(500)}) == {}
    assert ratios({"LitServe": found(1)}) == {}


def test_goodput_is_of_the_most_that_is_answered_without_overload() -> None:
    assert goodput({OURS: found(1000, overload=850)}) == pytest.approx(0.85)
    assert goodput({"LitServe": found(1000)}) is None


def test_the_overload_that_is_offered_is_measured() -> None:
    assert offered({OURS: found(1000, overload=850)}) == pytest.approx(5.85)  # with 5000 refusals a second
    assert offered({"LitServe": found(1000)}) is None


def test_the_open_load_is_compared_with_the_most_that_is_answered() -> None:
    measured = {OURS: found(900, 1000, 1100), "LitServe": found(1000)}
    assert open_ratio(measured, "goodput") is None
    for good, unsent in ((1600, 0), (1700, 0), (1000, 2000)):
        measured[OURS].open_loads.append(
            OpenLoad(20_000, 2.0, good, 100, 18_000, 0, 0, 0, 0, unsent, 1, 2, 3, 0.5)
        )
    measured[OURS].open_per_processor_s += [500, 540, 600]
    measured[OURS].per_processor_s |= {connections: [1.0] for connections in CONNECTIONS} | {
        64: [590, 600, 610]
    }
    for connections in (1, 16):
        measured[OURS].loads[connections] = [Measured(connections, 500, 0, 0, 1, 2, 3)]
    assert open_by_processor(measured) == pytest.approx(0.9)
    assert open_ratio(measured, "goodput") == pytest.approx(0.8)
    assert open_ratio(measured, "offered") == pytest.approx(10)
    told = json.loads(json.dumps(document(measured, {})))
    assert (told["openGoodput"], told["openOffered"]) == (pytest.approx(0.8), pytest.approx(10))
    assert told["services"][OURS]["openLoads"][0]["refused"] == 18_000


def test_the_tail_is_compared_with_the_shortest_of_the_peers() -> None:
    measured = {name: found(1000) for name in (OURS, OURS_BASE64, "LitServe", "MLServer")}
    for name, p99_ms in ((OURS, 6.0), (OURS_BASE64, 1.0), ("LitServe", 12.0), ("MLServer", 4.0)):
        measured[name].loads[TAIL] = [Measured(TAIL, 1000, 0, 0, 1, 2, p99_ms)]
    assert p99_ratio(measured) == pytest.approx(1.5)
    assert p99_ratio({OURS: found(1000)}) is None
    assert json.loads(json.dumps(document(measured, {})))["p99ToBestPeer"] == pytest.approx(1.5)


def test_the_document_holds_every_round() -> None:
    told = json.loads(json.dumps(document({OURS: found(900, 1000)}, {"machine": "this"})))
    loads = told["services"][OURS]["loads"]
    assert [load["answered"] for load in loads if load["connections"] == 16] == [900, 1000]
    assert told["services"][OURS]["rssMb"] == [[90.0, 40.0]]


def test_the_pictures_are_jpeg_that_the_model_takes() -> None:
    pictures = drawn_pictures()
    assert len(pictures) == 40
    assert all(picture.startswith(b"\xff\xd8") for picture in pictures)
    assert Classifier(load_bundle("fast")).classify(pictures[0]).top


def picture_in(name: str, body: bytes) -> bytes:
    if name in (OURS, "BentoML"):
        return body
    found: Any = json.loads(body)
    if name == "MLServer":
        return base64.b64decode(found["inputs"][0]["data"][0])
    (text,) = found.values()
    return base64.b64decode(text)


@pytest.mark.parametrize("name", list(SUBJECTS))
def test_every_subject_s_request_carries_the_whole_picture(name: str) -> None:
    picture = bytes(range(256)) * 20
    head, body = SUBJECTS[name].request(picture, 8080).split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /")
    assert f"Content-Length: {len(body)}".encode() in head
    assert picture_in(name, body) == picture


@pytest.mark.parametrize("name", list(SUBJECTS))
def test_every_subject_has_a_lock_file(name: str) -> None:
    lock = ROOT / "requirements" / f"{SUBJECTS[name].venv}.txt"
    assert "--hash=sha256:" in lock.read_text()


def test_a_tree_holds_the_children_of_children() -> None:
    with subprocess.Popen(
        ["sh", "-c", "sh -c 'sleep 1000 & echo; wait' & wait"], stdout=subprocess.PIPE
    ) as top:
        assert top.stdout is not None
        top.stdout.readline()
        pids = tree(top.pid)
        # Parents first: one that sees its child end is gone before its own signal.
        subprocess.run(["kill", *map(str, pids)], check=True)
    assert len(pids) == 3


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is missing: apt-get install wrk")
@pytest.mark.skipif(
    not (ROOT / ".venv-serve").exists(), reason=".venv-serve is missing: scripts/serve --help"
)
def test_our_service_is_measured() -> None:
    options = ["--only", OURS, "--rounds", "1", "--seconds", "1", "--workers", "1", "--json"]
    command = [str(ROOT / "scripts" / "bench"), "serve", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    loads = {load["connections"]: load for load in told["services"][OURS]["loads"]}
    assert list(loads) == [*CONNECTIONS, OVERLOAD]
    assert loads[1]["answered"] > 0  # a busy machine may not come round to 640 connections within a second
    assert len(told["services"][OURS]["rssMb"][0]) == 2  # parent and worker
    assert told["goodput"] is not None
    assert told["offered"] >= told["goodput"]
    (load,) = told["services"][OURS]["openLoads"]
    ends = ("good", "late", "refused", "failed", "broken", "unanswered", "unconnected", "unsent")
    assert sum(load[name] for name in ends) == load["due"] > 0
    assert load["good"] + load["late"] + load["refused"] > 0
    assert told["openOffered"] >= told["openReached"] >= told["openGoodput"]
    assert (told["openGoodputByProcessor"] > 0) == (load["good"] > 0)


@pytest.mark.parametrize(
    ("option", "told"), [("--rounds", "--rounds: 0 is less than 1"), ("--times", "--times: 0 is not above 0")]
)
def test_a_wrong_option_is_told(option: str, told: str) -> None:
    command = [str(ROOT / "scripts" / "bench"), "serve", option, "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (1, f"{told}\n")
