"""Starts, ends and accidents of the service's processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.patience import PATIENCE_S, wait_for
from tests.serving.running import KEY, ROOT, RunningService, golden_picture, running

PNG = {"Content-Type": "image/png"}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def is_ready(service: RunningService) -> bool:
    return service.request("GET", "/v2/health/ready").status == 200


def test_a_service_that_is_told_to_stop_fails_no_request(tmp_path: Path) -> None:
    """Clients that go elsewhere once the readiness says so, as a load balancer does."""
    statuses: list[int | str] = []
    elsewhere = threading.Event()

    def client(service: RunningService) -> None:
        while not elsewhere.is_set():
            try:
                statuses.append(service.request("POST", "/score", golden_picture(), PNG).status)
            except OSError as error:
                statuses.append(repr(error))

    with running(tmp_path, environment={"SERVING_DRAIN_DELAY_S": "5"}) as service:
        clients = [threading.Thread(target=client, args=[service]) for _ in range(4)]
        for thread in clients:
            thread.start()
        try:
            wait_for(lambda: len(statuses) > 20)
            service.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not is_ready(service))
            seen = len(statuses)
            wait_for(lambda: len(statuses) > seen + 4)  # what comes while it drains is answered too
            assert service.request("GET", "/v2/health/live").headers.get("connection") == "close"
        finally:
            elsewhere.set()
            for thread in clients:
                thread.join(PATIENCE_S)
        assert service.process.wait(PATIENCE_S) == 0
    assert set(statuses) == {200}


def test_a_request_that_has_begun_is_ended_after_the_last_connection_was_taken(tmp_path: Path) -> None:
    picture = golden_picture()
    head = (
        f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: image/png\r\n"
        f"Content-Length: {len(picture)}\r\n\r\n"
    ).encode()
    with (
        running(tmp_path, environment={"SERVING_DRAIN_TIMEOUT_S": "100"}) as service,
        closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection,
    ):
        connection.sendall(head + picture[:100])
        wait_for(lambda: service.metric("serving_requests_in_flight") == 2)
        service.process.send_signal(signal.SIGINT)
        wait_for(lambda: refused(service))
        connection.sendall(picture[100:])
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answer
        assert service.process.wait(PATIENCE_S) == 0


def test_a_request_that_does_not_end_in_time_is_told_that_the_service_ends(tmp_path: Path) -> None:
    head = (
        f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: image/png\r\n"
        "Content-Length: 1000\r\n\r\n"
    ).encode()
    limits = {"SERVING_DRAIN_TIMEOUT_S": "1", "SERVING_BODY_TIMEOUT_S": "1000"}
    with (
        running(tmp_path, environment=limits) as service,
        closing(socket.create_connection((service.address, service.port), PATIENCE_S)) as connection,
    ):
        connection.sendall(head)
        wait_for(lambda: service.metric("serving_requests_in_flight") == 2)
        service.process.send_signal(signal.SIGINT)
        answer = b""
        while received := connection.recv(65536):
            answer += received
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"application/problem+json" in answer
        assert service.process.wait(PATIENCE_S) == 0
        assert '"status": 503' in service.log.read_text()


def refused(service: RunningService) -> bool:
    try:
        socket.create_connection((service.address, service.port), PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_worker_that_dies_is_replaced_and_no_longer_counted(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        first = service.workers()
        os.kill(first[0], signal.SIGKILL)
        wait_for(lambda: len(set(service.workers()) - set(first)) == 1 and len(service.workers()) == 2)
        service.wait_until_ready()
        assert service.request("POST", "/score", golden_picture(), PNG).status == 200
        assert f"worker {first[0]} ended with -9" in service.log.read_text()
        assert service.metric("serving_requests_in_flight") == 1


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        workers = service.workers()
        assert len(workers) == 2
        service.process.kill()
        service.process.wait(PATIENCE_S)
        wait_for(lambda: not any(map(alive, workers)))


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        assert service.stop(signal.SIGINT) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["serving.log"]
    assert "Traceback" not in service.log.read_text()


def test_too_much_is_answered_by_when_to_come_back(tmp_path: Path) -> None:
    with running(tmp_path, environment={"SERVING_WAIT_S": "1e-9"}, workers=1) as service:
        answer = service.request("POST", "/score", golden_picture(), PNG)
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["title"] == "Too Many Requests"
        assert service.metric("serving_pictures_dropped_total") == 1
        assert is_ready(service)


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--bundle", "none"], {}, "no bundle of this name"),
        (["--host", "203.0.113.1"], {}, "cannot listen on 203.0.113.1:0"),
        ([], {"SERVING_QUEUE": "-1"}, "SERVING_QUEUE"),
        ([], {"SCORING_KEY_PRIMARY": ""}, "SCORING_KEY_PRIMARY"),
        ([], {"SERVING_CONNECTIONS": str(1 << 40)}, f"{(1 << 40) + 64} open files in each worker"),
        (["--workers", "0"], {}, "--workers"),
        (["--port", "70000"], {}, "--port: expected 0 to 65535, found 70000"),
        (["--port", "-1"], {}, "--port: expected 0 to 65535, found -1"),
    ],
)
def test_what_keeps_it_from_starting_is_told(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}",
        "TMPDIR": str(tmp_path),
        "SCORING_KEY_PRIMARY": KEY,
        **environment,
    }
    command = [sys.executable, "-P", "-m", "serving", "--port", "0", *arguments]
    ended = subprocess.run(
        command, env=given, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []
