"""The inference protocol over two versions of one model, which take other arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.image_classifier.tiny_model import SIDE, Tiny, base64_text, encode, make_bundle, plain
from tests.serving.running import Answer, RunningService, running

MODEL = "/v2/models/tiny"
NUMBERS = SIDE * SIDE * 3
NEXT = {"X-Model-Version": "next"}


@pytest.fixture(scope="module")
def flying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """`stable` takes INT8 of 8x8, `next` FP32 of 16x16; both answer half."""
    folder = tmp_path_factory.mktemp("flying")
    stable = make_bundle(folder / "stable" / "tiny")
    following = make_bundle(folder / "next" / "tiny", Tiny(side=2 * SIDE, dtype="float32"), version="1.1.0")
    variants = [
        {"name": "stable", "bundle": str(stable.folder), "percent": 50},
        {"name": "next", "bundle": str(following.folder), "percent": 50},
    ]
    plan = folder / "flight.json"
    plan.write_text(json.dumps({"schema": "flight/1", "primary": "stable", "variants": variants}))
    with running(folder, "--flights", str(plan), workers=1) as found:
        yield found


def ask(service: RunningService, tensor: dict[str, Any], path: str = MODEL, **headers: str) -> Answer:
    return service.post_json(f"{path}/infer", {"inputs": [{"name": "image", **tensor}]}, headers)


PICTURE = {"shape": [1], "datatype": "BYTES", "data": [base64_text(encode(plain((255, 0, 0))))]}
STABLE_TENSOR = {"shape": [1, SIDE, SIDE, 3], "datatype": "INT8", "data": [1] * NUMBERS}
STABLE_PIXELS = STABLE_TENSOR | {"datatype": "UINT8"}


def next_tensor(number: float) -> dict[str, Any]:
    return {"shape": [1, 2 * SIDE, 2 * SIDE, 3], "datatype": "FP32", "data": [number] * (4 * NUMBERS)}


@pytest.mark.parametrize(
    ("path", "override", "version"),
    [
        (MODEL, "next", "1.1.0"),
        (MODEL, "stable", "1.0.0"),
        (MODEL, "1.1.0", "1.1.0"),
        (f"{MODEL}/versions/1.1.0", "next", "1.1.0"),
        (f"{MODEL}/versions/1.1.0", "stable", None),
        (f"{MODEL}/versions/9.9.9", "1.1.0", None),
        (MODEL, "other", None),
    ],
)
def test_the_path_and_the_header_both_say_which_variant(
    flying: RunningService, path: str, override: str, version: str | None
) -> None:
    answer = ask(flying, PICTURE, path, **{"X-Model-Version": override})
    assert (answer.status, answer.json().get("model_version")) == (200 if version else 404, version)
    for asked in (path, f"{path}/ready"):
        status = flying.request("GET", asked, headers={"X-Model-Version": override}).status
        assert status == answer.status


def test_who_has_no_key_is_not_told_what_is_served(flying: RunningService) -> None:
    answer = flying.request("GET", "/v2/models/other/ready", headers={"Authorization": ""})
    assert answer.status == 404
    for told in ("stable", "next", "tiny", "1.1.0"):
        assert told not in answer.body.decode()


@pytest.mark.parametrize("tensor", [STABLE_TENSOR, STABLE_PIXELS])
def test_arrays_go_to_the_bundle_that_they_were_checked_against(
    flying: RunningService, tensor: dict[str, Any]
) -> None:
    answers = [ask(flying, tensor) for _ in range(20)]
    assert {(answer.status, answer.json().get("model_version")) for answer in answers} == {(200, "1.0.0")}


def test_pictures_go_to_both(flying: RunningService) -> None:
    assert {ask(flying, PICTURE).json()["model_version"] for _ in range(100)} == {"1.0.0", "1.1.0"}


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e300, 3e38])
def test_a_client_s_arrays_are_never_the_candidate_s_failure(flying: RunningService, number: float) -> None:
    assert ask(flying, next_tensor(0.5), **NEXT).status == 200
    answer = ask(flying, next_tensor(number), **NEXT)
    if number != 3e38:  # finite in itself
        assert answer.status == 422
    assert flying.metric("serving_flight_answers_total") > 0
    assert 'outcome="failed"' not in flying.request("GET", "/metrics").body.decode()


def test_with_one_bundle_the_header_does_not_hide_the_path(service: RunningService) -> None:
    served = service.request("GET", "/v2/models/fast").json()["versions"][0]
    headers = {"X-Model-Version": served}
    assert service.request("GET", f"/v2/models/fast/versions/{served}", headers=headers).status == 200
    assert service.request("GET", "/v2/models/fast/versions/9.9.9", headers=headers).status == 404
