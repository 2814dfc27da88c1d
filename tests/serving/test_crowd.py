"""A service with fewer places than clients."""

from __future__ import annotations

import resource
import signal
import socket
import threading
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

from tests.patience import PATIENCE_S, wait_for
from tests.serving.running import AUTHORIZATION, KEY, RunningService, golden_picture, running

PNG = {"Content-Type": "image/png"}
HEAD = (
    f"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: image/png\r\n"
    f"Content-Length: {len(golden_picture())}\r\n\r\n"
).encode()
BEGUN = HEAD.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")


def connected(service: RunningService) -> closing[socket.socket]:
    return closing(socket.create_connection((service.address, service.port), PATIENCE_S))


def test_a_service_that_is_told_to_stop_answers_those_who_wait_for_a_place(tmp_path: Path) -> None:
    picture = golden_picture()
    limits = {"SERVING_CONNECTIONS": "1", "SERVING_DRAIN_TIMEOUT_S": "100", "SERVING_DRAIN_DELAY_S": "0"}
    with running(tmp_path, environment=limits, workers=1) as service, ExitStack() as open_ones:
        first = open_ones.enter_context(connected(service))
        first.sendall(BEGUN)
        assert first.recv(100).startswith(b"HTTP/1.1 100 ")  # it has the only place
        waiting = [open_ones.enter_context(connected(service)) for _ in range(8)]
        for one in waiting:
            one.sendall(HEAD + picture)
        service.process.send_signal(signal.SIGTERM)
        for one in waiting:
            assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        first.sendall(picture)
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert service.process.wait(PATIENCE_S) == 0


def test_a_probe_is_answered_while_clients_that_never_rest_hold_all_places(tmp_path: Path) -> None:
    enough, statuses = threading.Event(), set()

    def client(service: RunningService) -> None:
        connection = HTTPConnection(service.address, service.port, timeout=PATIENCE_S)
        with closing(connection):
            while not enough.is_set():
                connection.request("POST", "/score", golden_picture(), {**AUTHORIZATION, **PNG})
                answer = connection.getresponse()
                answer.read()
                statuses.add(answer.status)

    with running(tmp_path, environment={"SERVING_CONNECTIONS": "2"}, workers=1) as service:
        clients = [threading.Thread(target=client, args=[service]) for _ in range(4)]
        for thread in clients:
            thread.start()
        try:
            wait_for(lambda: statuses)
            assert service.request("GET", "/v2/health/live").status == 200
        finally:
            enough.set()
            for thread in clients:
                thread.join(PATIENCE_S)
        assert statuses == {200}
        assert service.metric("serving_connections_made_room_total") > 0
        wait_for(lambda: service.metric("serving_connections") == 1)


def test_without_file_descriptors_connections_wait_and_nothing_ends(tmp_path: Path) -> None:
    with running(tmp_path, workers=1) as service, connected(service) as kept:
        (worker,) = service.workers()
        kept.sendall(BEGUN)  # who is idle would make room
        assert kept.recv(100).startswith(b"HTTP/1.1 100 ")
        highest = max(int(file.name) for file in Path(f"/proc/{worker}/fd").iterdir())
        allowed, most = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        # All numbers up to the highest may not be taken: what is connected takes those first.
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (highest + 1, most))
        with ExitStack() as open_ones:
            waiting = [open_ones.enter_context(connected(service)) for _ in range(highest)]
            for one in waiting:
                one.sendall(HEAD + golden_picture())
            wait_for(lambda: "connections wait, because taking one fails" in service.log.read_text())
            kept.sendall(golden_picture())
            assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
            resource.prlimit(worker, resource.RLIMIT_NOFILE, (allowed, most))
            for one in waiting:
                assert one.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert service.metric("serving_accept_failures_total") > 0
        assert service.workers() == [worker]
