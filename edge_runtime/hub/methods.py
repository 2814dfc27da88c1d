"""Direct methods: a request to a connected client and its answer (spec B.8)."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import HubError, Link

RELEASE_DELAY_S = 3.0


class MethodTargetMissingError(HubError):
    """The client is not connected or does not listen to methods (HTTP 404)."""


class MethodTimeoutError(HubError):
    """No answer in time (HTTP 504)."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """`payload` is the callee's JSON text, as it came."""

    status: int
    payload: bytes


LocalTarget = Callable[[str, bytes, float], Awaitable[MethodResult]]
"""Answers a method's name and payload within so many seconds. Raises MethodTargetMissingError, MethodTimeoutError."""


class Methods:
    """Requests that wait for an answer, clients that listen, and what is called without a connection."""

    def __init__(self) -> None:
        self._local: dict[ClientId, LocalTarget] = {}
        self._listening: dict[ClientId, Link] = {}
        # Gone with the last call that waits for it: callers choose the names.
        self._arrivals: WeakValueDictionary[ClientId, asyncio.Event] = WeakValueDictionary()
        self._pending: dict[tuple[ClientId, str], asyncio.Future[MethodResult]] = {}

    def serve(self, client: ClientId, target: LocalTarget) -> None:
        """Calls of `client`, a part of the runtime itself, go to `target`."""
        self._local[client] = target

    def listen(self, client: ClientId, link: Link | None) -> None:
        """The client's link for methods; None when it stopped to listen."""
        if link is None:
            self._listening.pop(client, None)
        elif self._listening.get(client) is not link:
            self._listening[client] = link
            arrival = self._arrivals.pop(client, None)
            if arrival is not None:
                arrival.set()

    async def invoke(
        self,
        client: ClientId,
        method: str,
        payload: bytes,
        *,
        response_timeout_s: float,
        connect_timeout_s: float,
    ) -> MethodResult:
        """Call and wait. Raises MethodTargetMissingError, MethodTimeoutError.

        A client that goes away meanwhile may still answer on its next connection: SDKs renew their token by
        a reconnect and send what was not confirmed again. So the wait ends with the time alone (spec B.8).
        """
        local = self._local.get(client)
        if local is not None:
            return await local(method, payload, response_timeout_s)
        link = await self._link(client, connect_timeout_s)
        request_id = str(uuid.uuid4())
        answer: asyncio.Future[MethodResult] = asyncio.get_running_loop().create_future()
        self._pending[client, request_id] = answer
        try:
            link.invoke(request_id, method, payload)
            return await asyncio.wait_for(answer, response_timeout_s)
        except TimeoutError:
            raise MethodTimeoutError(
                f"{client}: no answer to method {method!r} within {response_timeout_s:g} s"
            ) from None
        finally:
            del self._pending[client, request_id]

    def answered(self, client: ClientId, request_id: str, status: int, payload: bytes) -> None:
        """An answer came; one that nobody waits for any more is ignored."""
        waiting = self._pending.get((client, request_id))
        if waiting is not None and not waiting.done():
            waiting.set_result(MethodResult(status, payload))

    async def _link(self, client: ClientId, connect_timeout_s: float) -> Link:
        link = self._listening.get(client)
        if link is None and connect_timeout_s > 0:
            arrival = self._arrivals.setdefault(client, asyncio.Event())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(arrival.wait(), connect_timeout_s)
                # Clients subscribe before their application's handler is in place (spec G 22).
                await asyncio.sleep(RELEASE_DELAY_S)
            link = self._listening.get(client)
        if link is None:
            raise MethodTargetMissingError(
                f"{client}: not connected, or it does not listen to direct methods"
            )
        return link
