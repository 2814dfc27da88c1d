from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from azure.iot.device.iothub.aio import loop_management
from azure.iot.device.iothub.aio.async_inbox import AsyncClientInbox

from module_kit.sdk_loops import share_one_loop


@pytest.fixture
def no_loops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK as it is before the first client; loops that a test makes are ended."""
    loops = dict.fromkeys(loop_management.loops)
    monkeypatch.setattr(loop_management, "loops", loops)
    yield
    for loop in {loop for loop in loops.values() if loop is not None}:
        loop.call_soon_threadsafe(loop.stop)
        while loop.is_running():
            time.sleep(0.001)
        loop.close()


@pytest.mark.usefixtures("no_loops")
def test_the_sdk_runs_queues_readers_and_handlers_on_one_loop_and_messages_pass() -> None:
    share_one_loop()
    internal = loop_management.get_client_internal_loop()
    assert loop_management.get_client_handler_runner_loop() is internal
    assert loop_management.get_client_handler_loop() is internal
    inbox = AsyncClientInbox()
    for number in range(100):
        inbox.put(number)

    async def handle(number: int) -> int:
        return number

    async def read() -> list[int]:
        # As the SDK's reader does it: the handler is sent to its loop by `run_coroutine_threadsafe`.
        handled = [asyncio.run_coroutine_threadsafe(handle(await inbox.get()), internal) for _ in range(100)]
        return [await asyncio.wrap_future(future) for future in handled]

    assert asyncio.run_coroutine_threadsafe(read(), internal).result(timeout=10) == list(range(100))


@pytest.mark.usefixtures("no_loops")
def test_a_loop_that_is_in_use_already_stays() -> None:
    handlers = loop_management.get_client_handler_loop()
    share_one_loop()
    assert loop_management.get_client_handler_loop() is handlers
    assert loop_management.get_client_handler_runner_loop() is loop_management.get_client_internal_loop()
