from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterator

import pytest
from azure.iot.device.iothub.pipeline import MQTTPipeline

from module_kit.sdk_executor import SdkOrderExecutor, _is_the_sdk


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
    began = time.monotonic()
    blocking = [asyncio.create_task(asyncio.to_thread(time.sleep, 0.5)) for _ in range(4)]
    await asyncio.sleep(0)
    await asyncio.gather(*[loop.run_in_executor(None, functools.partial(operation, n)) for n in range(100)])
    assert seen == list(range(100))
    assert time.monotonic() - began < 0.45
    await asyncio.gather(*blocking)
