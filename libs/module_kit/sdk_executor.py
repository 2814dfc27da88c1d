"""The event loop's default executor: the SDK's calls in order on one thread, all others on a pool.

`azure-iot-device`'s aio client starts each operation with `loop.run_in_executor(None, ...)`. The usual
default pool has several threads, which swap about one pair of concurrent sends in 5,000. One thread for the
SDK keeps the order in which `send_message_to_output` was called all the way into the SDK's own single
pipeline thread. Whatever else uses the default executor (`asyncio.to_thread`, name look-ups, aiomqtt's
connect) must not wait behind it, nor it behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class SdkOrderExecutor(ThreadPoolExecutor):
    """One thread for the SDK's operations, first in, first out; four for everything else."""

    def __init__(self) -> None:
        super().__init__(max_workers=1, thread_name_prefix="sdk")
        self._others = ThreadPoolExecutor(max_workers=4, thread_name_prefix="blocking")

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        if _is_the_sdk(fn):
            return super().submit(fn, *args, **kwargs)
        return self._others.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._others.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)


def _is_the_sdk(function: object) -> bool:
    target = getattr(function, "func", function)  # the SDK hands over a functools.partial
    return str(getattr(target, "__module__", "")).startswith("azure.")
