from __future__ import annotations

import socket

import pytest
import uvloop

from image_classifier.bundle import load_bundle
from serving.keys import KeyRing
from serving.settings import Settings
from serving.web.app import build
from serving.worker import _Server, open_scoring
from tests.patience import PATIENCE_S
from tests.serving.running import KEY


async def end_at_once(listener: socket.socket, *, failed: bool = False) -> None:
    settings = Settings()
    async with open_scoring(settings, load_bundle("fast")) as scoring:
        server = _Server(settings, build(settings, KeyRing({"SCORING_KEY_PRIMARY": KEY}, {}), scoring))
        server.failed = failed
        server.should_exit = True
        await server.serve([listener])


def test_a_worker_that_failed_leaves_connections_to_who_can_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        others = listener.dup()  # uvicorn closes the one that it gets
        with others, socket.create_connection(listener.getsockname(), timeout=PATIENCE_S):
            uvloop.run(end_at_once(listener, failed=True))
            others.settimeout(PATIENCE_S)
            taken, _ = others.accept()
            taken.close()


@pytest.mark.parametrize("clients", [0, 1, 3])
def test_a_connection_that_nobody_took_yet_is_answered_when_the_worker_ends(clients: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        waiting = [
            socket.create_connection(listener.getsockname(), timeout=PATIENCE_S) for _ in range(clients)
        ]
        try:
            for client in waiting:
                client.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            uvloop.run(end_at_once(listener))
            for client in waiting:
                assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        finally:
            for client in waiting:
                client.close()
