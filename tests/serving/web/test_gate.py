from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from serving.http_protocol import CLIENT_LEFT
from serving.keys import KeyRing
from serving.web.gate import Gate
from tests.patience import PATIENCE_S, wait_for
from tests.serving.running import KEY, OTHER_KEY, RunningService, golden_picture, running

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OPEN = ("/v2/health/live", "/v2/health/ready", "/v2/models/fast/ready", "/metrics", "/swagger.json", "/docs")
CLOSED = ("/v2", "/v2/models/fast", "/score", "/nothing", "/v2/health/live/", "/v2/health/other")


@pytest.mark.parametrize("path", OPEN)
def test_health_metrics_and_description_need_no_key(service: RunningService, path: str) -> None:
    assert service.request("GET", path, headers={"Authorization": ""}).status == 200


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", f"Basic {KEY}", KEY, f"Bearer {KEY}x"])
def test_all_else_needs_one(service: RunningService, path: str, authorization: str) -> None:
    answer = service.request("GET", path, headers={"Authorization": authorization})
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["title"] == "Unauthorized"


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", f"bearer  {OTHER_KEY} "])
def test_either_key_opens(service: RunningService, authorization: str) -> None:
    assert service.request("GET", "/v2", headers={"Authorization": authorization}).status == 200


def test_a_key_is_asked_for_before_the_body(service: RunningService) -> None:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/score", 405), ("POST", "/v2", 405), ("POST", "/score/", 404),
     ("GET", "/api/v1/service/a/b/score", 404), ("GET", "/v2/models/none", 404),
     ("GET", "/v2/models/fast/versions/9", 404),
     ("GET", "/v2/models/none/ready", 404), ("OPTIONS", "/score", 405)],
)  # fmt: skip
def test_paths_and_methods_that_are_not_there(
    service: RunningService, method: str, path: str, status: int
) -> None:
    answer = service.request(method, path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    if status == 405:
        assert answer.headers["allow"]


def test_the_trace_of_the_caller_goes_on(service: RunningService) -> None:
    answer = service.request("GET", "/nothing", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", answer.headers["traceparent"])
    assert "00f067aa0ba902b7" not in answer.headers["traceparent"]
    assert answer.json()["traceId"] == TRACE
    # A request is logged once its answer is on its way.
    wait_for(lambda: any(line.get("traceId") == TRACE for line in logged(service.log)))
    (line,) = [line for line in logged(service.log) if line.get("traceId") == TRACE]
    assert (line["path"], line["status"], line["method"]) == ("/nothing", 404, "GET")


def logged(log: Path) -> list[dict[str, object]]:
    return [
        json.loads(line)
        for line in log.read_text().splitlines()
        if line.startswith("{") and line.endswith("}")
    ]


def test_no_key_and_no_body_is_logged(service: RunningService) -> None:
    secret = "Bearer my-secret-that-nobody-sees"
    service.request("POST", "/score", b"a-picture-that-nobody-sees", {"Authorization": secret})
    service.request("POST", "/score", b"a-picture-that-nobody-sees", {"Content-Type": "image/png"})
    text = service.log.read_text()
    assert "nobody-sees" not in text
    assert KEY not in text


def test_an_answer_is_counted_under_its_interface_across_workers(service: RunningService) -> None:
    before = {
        name: service.metric(name) for name in ("serving_predictions_total", "serving_confidence_count")
    }
    for _ in range(6):
        service.request("POST", "/score", golden_picture(), {"Content-Type": "image/png"})
    for name, value in before.items():
        assert service.metric(name) == value + 6
    text = service.request("GET", "/metrics").body.decode()
    assert re.search(r'serving_predictions_total\{label="\w+",model="fast",version="[\d.]+"\} \d', text)
    assert re.search(r'serving_requests_total\{interface="score",status="200"\} \d', text)
    for name in ("serving_request_seconds_bucket", "serving_batch_pictures_bucket", "serving_queue_pictures"):
        assert name in text


def test_names_of_paths_that_do_not_exist_are_not_kept(service: RunningService) -> None:
    service.request("GET", "/a-path-of-somebody")
    assert "a-path-of-somebody" not in service.request("GET", "/metrics").body.decode()


def test_a_client_that_leaves_ends_its_request(tmp_path: Path) -> None:
    with running(tmp_path, workers=1) as service:
        head = (
            f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: image/png\r\n"
            f"Content-Length: 1000\r\n\r\n"
        ).encode()
        with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
            connection.sendall(head)
            wait_for(lambda: service.metric("serving_requests_in_flight") == 2)  # and the one that asks
        wait_for(lambda: service.metric("serving_clients_left_total") == 1)
        assert service.metric("serving_requests_in_flight") == 1
        assert service.request("GET", "/v2").status == 200


def test_a_body_that_breaks_off_is_the_client_s_doing(service: RunningService) -> None:
    def count(status: str) -> int:
        text = service.request("GET", "/metrics").body.decode()
        found = re.search(
            rf'^serving_requests_total{{interface="score",status="{status}"}} (\d+)', text, re.MULTILINE
        )
        return int(found[1]) if found else 0

    left, failed, log = count("left"), count("500"), service.log.stat().st_size
    head = f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    with closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection:
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    wait_for(lambda: count("left") + count("500") > left + failed)
    assert (count("left"), count("500")) == (left + 1, failed)
    assert b"Traceback" not in service.log.read_bytes()[log:]


def test_one_request_too_many_is_held_back_and_takes_no_other_s_place() -> None:
    async def run() -> None:
        may_answer, entered = asyncio.Event(), asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            entered.set()
            await may_answer.wait()
            await Response("answered")(scope, receive, send)

        keys = KeyRing({"SCORING_KEY_PRIMARY": KEY}, {})
        gate = Gate(
            app, keys, is_open=lambda _: False, most=1, refusal_pause_s=3600.0, logged=lambda _: False
        )
        sent: dict[str, list[int]] = {"first": [], "second": [], "third": []}

        async def request(name: str) -> None:
            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    sent[name].append(message["status"])

            async def receive() -> Message:
                return {"type": "http.request"}

            fields = [(b"authorization", f"Bearer {KEY}".encode())]
            await gate({"type": "http", "method": "GET", "path": "/", "headers": fields}, receive, send)

        async with asyncio.timeout(PATIENCE_S):
            first = asyncio.create_task(request("first"))
            await entered.wait()
            second = asyncio.create_task(request("second"))
            await asyncio.sleep(0)  # it is refused in its first step
            may_answer.set()
            await first
            await request("third")
            second.cancel(CLIENT_LEFT)
            await second
        assert sent == {"first": [200], "second": [], "third": [200]}

    asyncio.run(run())
