"""The SDK's client as a module uses it: handlers that only hand over, twin reads that retry."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from module_kit.backoff import Backoff
from module_kit.inbox import Inbox, InboxClosed
from module_kit.message import Incoming
from module_kit.methods import Methods
from module_kit.metrics import MESSAGES_DROPPED, MESSAGES_RECEIVED
from module_kit.sdk_call import sdk_call

_log = logging.getLogger(__name__)


class HubLink:
    """Inputs, methods and twin of one connected client.

    The SDK acknowledges a message before it calls the handler, has no bound on what it holds, and runs
    handler coroutines side by side on a loop of its own, each up to its first `await` in order of arrival.
    So the handlers here never await.
    """

    def __init__(
        self,
        client: Any,
        inputs: Mapping[str, Inbox[Incoming]],
        methods: Methods,
        on_patch: Callable[[dict[str, Any]], None],
    ) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._methods = methods
        self._on_patch = on_patch
        self._inputs = {name: (inbox, MESSAGES_RECEIVED.labels(name)) for name, inbox in inputs.items()}
        self._answers: set[asyncio.Task[None]] = set()

    async def open_twin_updates(self) -> None:
        await self._set("on_twin_desired_properties_patch_received", self._patch_arrived)

    async def open(self) -> None:
        """Subscribe to inputs (if there are any) and to direct methods."""
        await self._set("on_method_request_received", self._method_called)
        if self._inputs:
            await self._set("on_message_received", self._message_arrived)

    async def read_twin(self) -> dict[str, Any]:
        """`{"desired": {..}, "reported": {..}}`; asks again until it is answered."""
        backoff = Backoff(first_s=0.5, longest_s=10.0)
        while True:
            try:
                async with asyncio.timeout(20):
                    twin: dict[str, Any] = await sdk_call(self._client.get_twin())
            except Exception as error:  # noqa: BLE001 - the SDK raises many types for "not now"
                _log.info("twin not read: %s: %s", type(error).__name__, error)
                await asyncio.sleep(backoff.next_s())
            else:
                return twin

    async def _set(self, handler_name: str, handler: Any) -> None:
        """The SDK's setters block until the hub has granted the subscription."""
        backoff = Backoff(first_s=0.5, longest_s=10.0)
        while True:
            try:
                await asyncio.to_thread(setattr, self._client, handler_name, handler)
            except Exception as error:  # noqa: BLE001 - as above
                _log.info("%s not subscribed: %s: %s", handler_name, type(error).__name__, error)
                await asyncio.sleep(backoff.next_s())
            else:
                return

    async def _message_arrived(self, message: Any) -> None:
        known = self._inputs.get(message.input_name)
        if known is None:
            MESSAGES_DROPPED.labels(f"input {message.input_name}", "unknown_input").inc()
            return
        inbox, received = known
        received.inc()
        message.arrived_s = time.perf_counter()
        try:
            inbox.put(message)
        except InboxClosed:
            MESSAGES_DROPPED.labels(f"input {message.input_name}", "stopping").inc()

    async def _patch_arrived(self, patch: dict[str, Any]) -> None:
        self._loop.call_soon_threadsafe(self._on_patch, patch)

    async def _method_called(self, request: Any) -> None:
        self._loop.call_soon_threadsafe(self._answer_soon, request)

    def _answer_soon(self, request: Any) -> None:
        task = self._loop.create_task(self._answer(request), name=f"method {request.name}")
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, request: Any) -> None:
        from azure.iot.device import MethodResponse  # noqa: PLC0415 - loaded with the client, not before

        status, payload = await self._methods.answer(request.name, request.payload)
        try:
            response = MethodResponse(request.request_id, status, payload)
            await sdk_call(self._client.send_method_response(response))
        except Exception as error:  # noqa: BLE001 - the caller sees a timeout
            _log.warning("answer of method %s not sent: %s: %s", request.name, type(error).__name__, error)
