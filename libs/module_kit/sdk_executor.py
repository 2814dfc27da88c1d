"""The event loop's default executor: the SDK's calls in order on one thread, all others on a pool.

`azure-iot-device`'s aio client starts each operation with `loop.run_in_executor(None, ...)`. The usual
default pool has several threads, which swap about one pair of concurrent sends in 5,000. One thread for the
SDK keeps the order in which `send_message_to_output` was called all the way into the SDK's own single
pipeline thread. Whatever else uses the default executor (`asyncio.to_thread`, name look-ups, aiomqtt's
connect) must not wait behind it, nor it behind them.

Sends, which are nearly all the calls there are, go straight into the pipeline thread's queue, which is first
in, first out as well: a thread that only waits for that one would cost two more switches a message.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

_SEND = "send_output_message"


class SdkOrderExecutor(ThreadPoolExecutor):
    """The SDK's operations first in, first out; four threads for everything else."""

    def __init__(self) -> None:
        super().__init__(max_workers=1, thread_name_prefix="sdk")
        self._others = ThreadPoolExecutor(max_workers=4, thread_name_prefix="blocking")
        self._on_pipeline: Callable[[functools.partial[Any]], object] | None = None

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        if not _is_the_sdk(fn):
            return self._others.submit(fn, *args, **kwargs)
        if isinstance(fn, functools.partial) and _is_a_send(fn):
            return self._hand_over(fn)
        return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._others.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)

    def _hand_over(self, send: functools.partial[R]) -> Future[R]:
        """Queue `send` on the pipeline thread. How it ends, its callback tells: nobody waits for the call itself.

        The future is asyncio's own and done, which `run_in_executor` passes on without waking the loop.
        """
        if self._on_pipeline is None:
            from azure.iot.device.common.pipeline import pipeline_thread  # noqa: PLC0415 - loaded by now

            self._on_pipeline = pipeline_thread.invoke_on_pipeline_thread_nowait(_run_send)
        self._on_pipeline(send)
        handed_over: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        handed_over.set_result(None)
        return cast("Future[R]", handed_over)


def _run_send(send: functools.partial[Any]) -> None:
    try:
        send()
    except Exception as error:  # noqa: BLE001 - a pipeline that is shut down, say: the caller is told
        send.keywords["callback"](error=error)


def _is_the_sdk(function: object) -> bool:
    target = getattr(function, "func", function)  # the SDK hands over a functools.partial
    return str(getattr(target, "__module__", "")).startswith("azure.")


def _is_a_send(operation: functools.partial[Any]) -> bool:
    return getattr(operation.func, "__name__", "") == _SEND and "callback" in operation.keywords
