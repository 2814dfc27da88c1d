from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from azure.iot.device.common.async_adapter import AwaitableCallback, emulate_async
from azure.iot.device.exceptions import ClientError
from azure.iot.device.iothub.aio.async_clients import handle_result
from azure.iot.device.iothub.pipeline import MQTTPipeline

from module_kit.sdk_executor import SdkOrderExecutor, _is_a_send, _is_the_sdk
from tests.patience import PATIENCE_S


@pytest.fixture
def executor() -> Iterator[SdkOrderExecutor]:
    executor = SdkOrderExecutor()
    yield executor
    executor.shutdown()


def test_the_operations_of_the_real_sdk_are_recognised() -> None:
    pipeline = MQTTPipeline.__new__(MQTTPipeline)
    assert _is_the_sdk(functools.partial(pipeline.send_output_message, b"", callback=None))
    assert _is_the_sdk(pipeline.connect)
    assert not _is_the_sdk(functools.partial(time.sleep, 1))
    assert not _is_the_sdk(test_the_operations_of_the_real_sdk_are_recognised)
    assert _is_a_send(functools.partial(pipeline.send_output_message, b"", callback=None))
    assert not _is_a_send(functools.partial(pipeline.connect, callback=None))


async def test_operations_of_the_sdk_run_in_order_and_nothing_else_holds_them_up(
    executor: SdkOrderExecutor,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(executor)
    seen: list[int] = []

    def operation(number: int) -> None:
        time.sleep(0.001 * (number % 3))
        seen.append(number)

    operation.__module__ = "azure.iot.device.x"
    release = threading.Event()
    blocking = [asyncio.create_task(asyncio.to_thread(release.wait)) for _ in range(4)]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(
            *[loop.run_in_executor(None, functools.partial(operation, n)) for n in range(100)]
        )
    assert seen == list(range(100))
    release.set()
    await asyncio.gather(*blocking)


async def test_sends_run_in_order_on_the_pipeline_thread_and_nobody_waits_for_it(
    executor: SdkOrderExecutor,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(executor)
    seen: list[tuple[int, str]] = []
    go_on = threading.Event()

    def send_output_message(number: int, *, callback: Callable[..., None]) -> None:
        go_on.wait()
        time.sleep(0.001 * (number % 3))
        seen.append((number, threading.current_thread().name))
        callback()

    send_output_message.__module__ = "azure.iot.device.x"
    callbacks = [AwaitableCallback() for _ in range(100)]
    for number, callback in enumerate(callbacks):  # returns although the pipeline thread is held up
        async with asyncio.timeout(PATIENCE_S):
            await emulate_async(send_output_message)(number, callback=callback)
    assert not seen
    go_on.set()
    await asyncio.gather(*[callback.completion() for callback in callbacks])
    assert seen == [(number, "pipeline") for number in range(100)]


async def test_what_the_pipeline_raises_reaches_the_sender(executor: SdkOrderExecutor) -> None:
    asyncio.get_running_loop().set_default_executor(executor)
    pipeline = MQTTPipeline.__new__(MQTTPipeline)
    pipeline._running = False  # as after a shutdown
    callback = AwaitableCallback()
    await emulate_async(pipeline.send_output_message)(b"", callback=callback)
    with pytest.raises(ClientError, match="shut down"):
        async with asyncio.timeout(PATIENCE_S):
            await handle_result(callback)
