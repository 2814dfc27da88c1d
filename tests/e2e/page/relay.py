"""A way to the page that can be cut and mended, as a port that ssh forwards or a phone's network."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from tests.patience import PATIENCE_S


class Relay:
    """Carries connections to `host` and `port` from a port of its own, until it is cut; then it ends each at once."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._whole = True
        self._open: set[socket.socket] = set()
        self._carriers: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def cut(self) -> None:
        with self._lock:
            self._whole = False
            for one in self._open:
                with contextlib.suppress(OSError):  # its other end was quicker
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def close(self) -> None:
        self.cut()
        # Closing alone would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(PATIENCE_S)
        for carrier in self._carriers:
            carrier.join(PATIENCE_S)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            carrier = threading.Thread(target=self._carry, args=(near,))
            carrier.start()
            self._carriers = [*(one for one in self._carriers if one.is_alive()), carrier]

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(self._target) as far:
            with self._lock:
                if not self._whole:
                    return
                self._open |= {near, far}
            try:
                _exchange(near, far)
            finally:
                with self._lock:
                    self._open -= {near, far}


def _exchange(near: socket.socket, far: socket.socket) -> None:
    """Until one of them ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in selector.select():
                assert isinstance(key.fileobj, socket.socket)
                data = key.fileobj.recv(65_536)
                if not data:
                    return
                key.data.sendall(data)


@contextlib.contextmanager
def relayed(url: str) -> Iterator[tuple[Relay, str]]:
    """A relay to the server of `url`, and the same address by way of it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    relay = Relay(parts.hostname, parts.port)
    try:
        yield relay, urlunsplit(parts._replace(netloc=f"127.0.0.1:{relay.port}"))
    finally:
        relay.close()
