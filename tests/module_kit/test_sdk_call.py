"""An operation of the SDK that its caller gives up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.iot.device.common import async_adapter

from module_kit.sdk_call import sdk_call


@pytest.mark.parametrize("answer", [{"twin": {}}, {"error": ConnectionError("gone")}])
async def test_what_comes_after_its_caller_has_gone_is_no_error(answer: dict[str, Any]) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    operation = async_adapter.AwaitableCallback(return_arg_name="twin")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await sdk_call(operation.completion())
    operation(**answer)
    for _ in range(5):
        await asyncio.sleep(0)
    assert told == []
    assert operation.future.done()


async def test_its_result_and_its_error_are_the_callers() -> None:
    done = asyncio.get_running_loop().create_future()
    done.set_result(7)
    assert await sdk_call(done) == 7
    failed = asyncio.get_running_loop().create_future()
    failed.set_exception(ConnectionError("gone"))
    with pytest.raises(ConnectionError):
        await sdk_call(failed)
