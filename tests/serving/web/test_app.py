"""The application without a server: what a model that fails, or is not ready, is answered with."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import tracemalloc
from collections.abc import Sequence
from typing import Any, Self

import pytest
from prometheus_client import REGISTRY
from starlette.types import Message

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.classifier import Refusal, Timings
from image_classifier.errors import InferenceError
from image_classifier.preprocess import ModelInput
from serving.errors import OverloadedError
from serving.keys import keys_from
from serving.scoring import Call, Scored
from serving.settings import Settings
from serving.web.app import Service, build
from tests.serving.running import KEY, RunningService

BIG, HELD = 2 << 20, 10


class FailingScoring:
    """Raises what it is given, and keeps the calls."""

    def __init__(self, error: Exception | None = None, *, ready: bool = True) -> None:
        self.error = error
        self.ready = ready
        self.calls: list[Call] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def bundles(self) -> Sequence[Bundle]:
        return (load_bundle("fast"),)

    def find(self, _: Call) -> Bundle:
        return self.bundles()[0]

    def full(self) -> OverloadedError | None:
        return None

    async def score(self, call: Call, pictures: Sequence[ModelInput]) -> Scored:
        self.calls.append(call)
        raise self.error or OverloadedError("full", 2.2)


def service_of(scoring: FailingScoring) -> Service:
    return build(Settings(refusal_pause_s=0), keys_from({"SCORING_KEY_PRIMARY": KEY}), scoring)


async def ask(
    service: Service, method: str, path: str, headers: dict[str, str] | None = None, size: int = 7
) -> tuple[int, dict[str, str], Any]:
    given = {"authorization": f"Bearer {KEY}", "content-type": "image/png", **(headers or {})}
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "server": ("x", 80), "scheme": "http", "http_version": "1.1", "state": {},
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"p" * size}

    async def send(message: Message) -> None:
        sent.append(message)

    await service.gate(scope, receive, send)
    start, *parts = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, json.loads(b"".join(part["body"] for part in parts))


@pytest.mark.parametrize(
    "error", [RuntimeError("secret of the inside"), InferenceError("secret of the inside")]
)
async def test_a_failure_of_ours_is_logged_and_tells_nobody_more_than_its_trace(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status, headers, problem = await ask(service_of(FailingScoring(error)), "POST", "/score")
    assert status == 500
    assert headers["content-type"] == "application/problem+json"
    assert "secret" not in json.dumps(problem)
    assert problem["traceId"] in headers["traceparent"]
    assert "secret of the inside" in caplog.text


class RefusingScoring(FailingScoring):
    """Finds a fault of ours in every picture."""

    async def score(self, call: Call, pictures: Sequence[ModelInput]) -> Scored:
        self.calls.append(call)
        refusal = Refusal(InferenceError("secret of the inside"), Timings(0.0, 0.0))
        return Scored(self.find(call), [refusal] * len(pictures))


async def test_a_picture_that_the_model_fails_on_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status, _, problem = await ask(service_of(RefusingScoring()), "POST", "/score")
    assert status == 500
    assert "secret" not in json.dumps(problem)
    assert "secret of the inside" in caplog.text


class FullScoring(FailingScoring):
    """Has no room for anything."""

    def full(self) -> OverloadedError | None:
        return OverloadedError("no room", 2.2)


@pytest.mark.parametrize(
    "path", ["/score", "/api/v1/service/x/score", "/skills/image-classification", "/v2/models/fast/infer"]
)
async def test_what_would_be_refused_whatever_it_brings_is_refused_unread(path: str) -> None:
    scoring = FullScoring()
    before = REGISTRY.get_sample_value("serving_pictures_dropped_total", {"reason": "unread"}) or 0.0
    # A media type that is not read, and the wrong one for the skill: nobody has looked.
    status, headers, problem = await ask(service_of(scoring), "POST", path, {"content-type": "a/b"})
    assert (status, headers["retry-after"], problem["detail"]) == (429, "3", "no room")
    assert scoring.calls == []
    after = REGISTRY.get_sample_value("serving_pictures_dropped_total", {"reason": "unread"})
    assert after == before + 1


async def test_what_scores_nothing_is_answered_however_full_it_is() -> None:
    for path in ("/v2", "/v2/models/fast", "/v2/health/live"):
        assert (await ask(service_of(FullScoring()), "GET", path))[0] == 200
    assert (await ask(service_of(FullScoring()), "GET", "/score"))[0] == 405


async def test_a_request_that_is_held_back_holds_no_body() -> None:
    scoring = FailingScoring()
    settings = Settings(refusal_pause_s=3600)
    service = build(settings, keys_from({"SCORING_KEY_PRIMARY": KEY}), scoring)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tasks = [asyncio.create_task(ask(service, "POST", "/score", size=BIG)) for _ in range(HELD)]
        while len(scoring.calls) < HELD:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        now, _ = tracemalloc.get_traced_memory()
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    finally:
        tracemalloc.stop()
    assert now - before < BIG


async def test_overload_says_when_to_come_back() -> None:
    status, headers, problem = await ask(service_of(FailingScoring()), "POST", "/score")
    assert (status, headers["retry-after"], problem["detail"]) == (429, "3", "full")


async def test_a_model_that_is_not_ready_is_alive() -> None:
    service = service_of(FailingScoring(ready=False))
    assert (await ask(service, "GET", "/v2/health/live"))[0] == 200
    for path in ("/v2/health/ready", "/v2/models/fast/ready"):
        status, _, problem = await ask(service, "GET", path)
        assert (status, problem["title"]) == (503, "Service Unavailable")


async def test_headers_and_path_reach_the_call() -> None:
    scoring = FailingScoring()
    headers = {"X-Flight-Key": "device-7", "X-Model-Version": "1.2.3"}
    await ask(service_of(scoring), "POST", "/api/v1/service/a/score", headers)
    assert scoring.calls == [Call("score", sticky_key="device-7", override="1.2.3")]


async def test_every_path_is_described_and_every_description_is_there() -> None:
    scoring = FailingScoring()
    service = service_of(scoring)
    _, _, document = await ask(service, "GET", "/swagger.json")
    assert document["openapi"].startswith("3.1")
    names = {"{name}": "a", "{model}": "fast", "{version}": load_bundle("fast").version}
    for path, operations in document["paths"].items():
        asked = path
        for name, value in names.items():
            asked = asked.replace(name, value)
        if asked in ("/docs", "/metrics"):
            continue
        method = "POST" if "post" in operations else "GET"
        status, _, _ = await ask(service, method, asked)
        assert status not in (404, 405), asked


async def test_every_way_to_score_says_how_it_may_be_refused() -> None:
    _, _, document = await ask(service_of(FailingScoring()), "GET", "/swagger.json")
    posts = {
        path: operations["post"] for path, operations in document["paths"].items() if "post" in operations
    }
    assert len(posts) == 5
    for path, operation in posts.items():
        assert {"200", "400", "401", "413", "429", "431", "503"} <= operation["responses"].keys(), path


async def test_the_page_loads_nothing_from_anywhere(service: RunningService) -> None:
    answer = service.request("GET", "/docs", headers={"Authorization": ""})
    page = answer.body.decode()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"https?://|<script|<link|src=|@import|url\(", page)
    for path in ("/score", "/v2/models/{model}/infer", "/skills/image-classification"):
        assert f"<code>{path}</code>" in page
