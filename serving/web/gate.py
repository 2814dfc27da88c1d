"""What every request passes: trace, number of requests, key, metrics, log line, and how it ends early."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import trace_context
from serving.errors import EndingError, OverloadedError
from serving.http_protocol import CLIENT_LEFT
from serving.keys import KeyRing
from serving.metrics import CLIENTS_LEFT, IN_FLIGHT, REQUEST_SECONDS, REQUESTS
from serving.web.problem import ProblemError, problem_of

_log = logging.getLogger(__name__)
LOGGED_PATH_CHARACTERS = 200
NO_INTERFACE = "none"
_RETRY_S = 1.0


@dataclass(slots=True)
class _Exchange:
    """One request and its answer, as far as it has come."""

    path: str
    status: int = 0
    started_s: float = field(default_factory=time.perf_counter)


class Gate:
    """The outermost application.

    Args:
        app: what answers requests that pass.
        keys: which keys are good.
        is_open: whether a path needs no key.
        most: requests that are answered at a time.
        refusal_pause_s: how long the answer to one too many is held back.
        logged: whether an answer with this status gets a log line.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyRing,
        *,
        is_open: Callable[[str], bool],
        most: int,
        refusal_pause_s: float,
        logged: Callable[[int], bool],
    ) -> None:
        self._app = app
        self._keys = keys
        self._is_open = is_open
        self._most = most
        self._refusal_pause_s = refusal_pause_s
        self._logged = logged
        self._in_flight = 0
        self.draining = False
        """While set, every answer asks its client to come back by another connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"] if name in _READ}
        trace = trace_context.begin(headers.get(b"traceparent", b"").decode("latin-1"))
        token = trace_context.CURRENT.set(trace)
        exchange = _Exchange(scope["path"])
        task = asyncio.current_task()
        state = scope.setdefault("state", {})
        of_connection: set[Any] = state.get("in_flight", set())
        watched = self._watched(send, exchange, trace, state.get("is_last", _never))
        of_connection.add(task)
        self._in_flight += 1
        IN_FLIGHT.inc()
        try:
            await self._answer(scope, receive, watched, headers, exchange)
        except asyncio.CancelledError as cancelled:
            if not cancelled.args:
                raise
            if cancelled.args == (CLIENT_LEFT,):
                exchange.status = 0
                CLIENTS_LEFT.labels(_interface(scope)).inc()
            elif exchange.status:
                raise
            else:
                # By the server, whose time to end is over.
                answer = problem_of(EndingError("the service is ending"), exchange.path)
                await answer(scope, receive, watched)
        finally:
            self._in_flight -= 1
            IN_FLIGHT.dec()
            of_connection.discard(task)
            self._account(scope, exchange)
            trace_context.CURRENT.reset(token)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], exchange: _Exchange
    ) -> None:
        try:
            if not self._is_open(exchange.path):
                self._admit(headers.get(b"authorization", b""))
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            answer = problem_of(error, exchange.path)
            if answer.status_code >= 500:
                _log.exception("%s failed", exchange.path[:LOGGED_PATH_CHARACTERS])
            if isinstance(error, OverloadedError):
                await self._hold_back()
            if exchange.status:
                return  # answered by the application's last resort, which raises on
            await answer(scope, receive, send)

    async def _hold_back(self) -> None:
        # Who asks again at once would take the processor from those who are served. Nor does who waits here count
        # as one of them.
        self._in_flight -= 1
        try:
            await asyncio.sleep(self._refusal_pause_s)
        finally:
            self._in_flight += 1

    def _admit(self, authorization: bytes) -> None:
        scheme, _, key = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not self._keys.admits(key.strip()):
            what = "the key is not valid" if authorization else "a key is needed: Authorization: Bearer KEY"
            raise ProblemError(401, what, {"www-authenticate": "Bearer"})
        if self._in_flight > self._most:
            raise OverloadedError(f"{self._most} requests are being answered already", _RETRY_S)

    def _watched(
        self, send: Send, exchange: _Exchange, trace: trace_context.Trace, is_last: Callable[[int], bool]
    ) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"traceparent", trace.header.encode())]
                if self.draining or is_last(exchange.status):
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        return watched

    def _account(self, scope: Scope, exchange: _Exchange) -> None:
        seconds, interface = time.perf_counter() - exchange.started_s, _interface(scope)
        REQUESTS.labels(interface, exchange.status or "left").inc()
        if 200 <= exchange.status < 300:
            REQUEST_SECONDS.labels(interface).observe(seconds)
        if self._logged(exchange.status):
            fields = {
                "method": scope["method"],
                "path": exchange.path[:LOGGED_PATH_CHARACTERS],
                "interface": interface,
                "status": exchange.status,
                "milliseconds": round(seconds * 1000, 2),
            }
            _log.info("request", extra={"fields": fields})


_READ = frozenset((b"authorization", b"traceparent"))


def _never(_: int) -> bool:
    return False


def _interface(scope: Scope) -> str:
    """The name of the route that answered; few, whatever paths are asked for."""
    found: str = scope["state"].get("interface", NO_INTERFACE)
    return found
