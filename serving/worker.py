"""One worker process: the application, the HTTP server around it, and how it ends without failing a request."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from image_classifier.bundle import SHIPPED, Bundle, find_bundle, load_bundle
from image_classifier.sandbox import check_bundle
from serving import vital
from serving.acceptor import Acceptor
from serving.connections import Connections
from serving.flighting.start import Flights
from serving.http_protocol import GuardedProtocol
from serving.keys import KeyRing
from serving.scoring import BatchedVersion, OneVersion, Scoring
from serving.settings import Settings
from serving.web.app import Service, build

_log = logging.getLogger(__name__)


def run(
    settings: Settings,
    keys: KeyRing,
    served: Bundle | Flights,
    listener: socket.socket,
    parent_fd: int,
) -> None:
    """Serve until a signal comes, or until the parent ends (`parent_fd`, a pipe, is then at its end).

    SIGTERM: not ready from now on, serving for `drain_delay_s`, so that who watches the readiness sends
    requests elsewhere; then no new connections, and what is open gets `drain_timeout_s` to end. SIGINT: without
    the delay.

    Raises:
        ImageClassifierError: the model cannot be opened.
        RuntimeError: a task of it failed that it cannot do without; requests under way were answered.
    """
    uvloop.run(_serve(settings, keys, served, listener, parent_fd))


def proven(name_or_path: str) -> Bundle:
    """The bundle to serve. One that does not ship with the project is tried in a child process first.

    Raises:
        ImageClassifierError: the bundle is refused; the message says where and why.
    """
    if find_bundle(name_or_path).parent == SHIPPED.resolve():
        return load_bundle(name_or_path)
    return check_bundle(name_or_path).bundle


def announce(bundle: Bundle, host: str, port: int, workers: int) -> None:
    """Tell the log what is served and where."""
    fields = {"model": bundle.name, "version": bundle.version, "host": host, "port": port, "workers": workers}
    _log.info("listening on %s:%d", host, port, extra={"fields": fields})


def open_scoring(settings: Settings, served: Bundle | Flights) -> Scoring:
    """What answers this process's requests."""
    if isinstance(served, Flights):
        return served.scoring(settings)
    return OneVersion(BatchedVersion(served, settings.batching, settings.decoding))


async def _serve(
    settings: Settings, keys: KeyRing, served: Bundle | Flights, listener: socket.socket, parent_fd: int
) -> None:
    async with open_scoring(settings, served) as scoring:
        server = _Server(settings, build(settings, keys, scoring))
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(server.told)
        loop.add_reader(parent_fd, server.orphaned, parent_fd)
        try:
            await server.serve([listener])
        finally:
            loop.remove_reader(parent_fd)
        if server.failed:
            raise RuntimeError("a task failed that no request can do without")


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves its ending to us until the delay is over."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self._connections = Connections(settings.connections)
        self._protocol = GuardedProtocol.configured(
            settings.header_bytes, settings.header_timeout_s, self._connections
        )
        self._acceptor: Acceptor | None = None
        super().__init__(
            uvicorn.Config(
                service.gate,
                http=self._protocol,
                ws="none",
                lifespan="off",
                loop="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=settings.keep_alive_s,
                timeout_graceful_shutdown=settings.drain_timeout_s,
            )
        )
        self._service = service
        self._delay_s = settings.drain_delay_s
        self._drain_timeout_s = settings.drain_timeout_s
        self.failed = False

    def told(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler. Without its vital tasks this process only takes requests away from others."""
        loop.default_exception_handler(context)
        if context.get(vital.VITAL) and not self.should_exit:
            self.failed = self._service.gate.draining = self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # A signal's handler runs between two instructions of whatever the loop was doing.
        self._service.gate.draining = True
        if sig == signal.SIGINT or not self._delay_s:
            self.should_exit = True
        else:
            asyncio.get_running_loop().call_soon_threadsafe(self._drain)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])  # it would take connections itself
        (listener,) = sockets or []
        self._acceptor = Acceptor(listener, self._connections, self._made, self.server_state.tasks)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Before what waits is taken: their file descriptors may be needed for it.
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self._acceptor is not None and self.failed:
            self._acceptor.stop()  # the listener stays with the others, and with who comes in this one's place
        elif self._acceptor is not None:
            await self._acceptor.end(self._drain_timeout_s)
        await super().shutdown(sockets)

    def _made(self) -> GuardedProtocol:
        loop = asyncio.get_running_loop()
        return self._protocol(self.config, self.server_state, self.lifespan.state, loop)

    def orphaned(self, parent_fd: int) -> None:
        """The parent is gone: nobody would start, stop or count this process any more."""
        asyncio.get_running_loop().remove_reader(parent_fd)
        _log.error("the parent process is gone: stopping")
        self.handle_exit(signal.SIGINT, None)

    def _drain(self) -> None:
        _log.info("draining for %g s", self._delay_s)
        asyncio.get_running_loop().call_later(self._delay_s, self._stop)

    def _stop(self) -> None:
        self.should_exit = True
