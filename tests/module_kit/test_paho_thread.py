"""paho's network thread ends at an error that it does not expect, and comes back."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt.client import Client

from module_kit.paho_thread import guard_paho_threads
from tests.patience import PATIENCE_S

CONNACK = b"\x20\x02\x00\x00"


@pytest.fixture
def peer() -> Iterator[tuple[Any, socket.socket]]:
    """A connected paho client with its thread, and the broker's end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client: Any = Client("test")
        connected = threading.Event()
        client.on_connect = lambda *_: connected.set()
        client.connect("127.0.0.1", listener.getsockname()[1])
        client.loop_start()
        broker, _ = listener.accept()
        with broker:
            broker.sendall(CONNACK)
            assert connected.wait(PATIENCE_S)
            yield client, broker
        client.loop_stop()
        client._reset_sockets()


def test_a_thread_that_died_while_writing_notices_the_disconnection(
    peer: tuple[Any, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    guard_paho_threads()
    client, broker = peer
    lost, broken = threading.Event(), threading.Event()
    client.on_disconnect = lambda *_: lost.set()

    def fail(_data: bytes) -> int:
        broken.set()
        client._sock_send = Client._sock_send.__get__(client)
        raise ssl.SSLEOFError

    client._sock_send = fail
    client.publish("topic", b"1", qos=1)
    assert broken.wait(PATIENCE_S)
    broker.close()
    assert lost.wait(PATIENCE_S)


def test_errors_of_other_threads_are_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: told.append(args.exc_value))
    guard_paho_threads()
    guard_paho_threads()

    def fail() -> None:
        raise OSError("of ours")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert [str(error) for error in told] == ["of ours"]
