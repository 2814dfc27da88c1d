"""From start to exit code: event loop, signals, heartbeat, watchdog, a stop that cannot hang."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

from module_kit.healthcheck import heartbeat_file
from module_kit.sdk_executor import SdkOrderExecutor
from module_kit.watchdog import Watchdog

_log = logging.getLogger(__name__)

EXIT_OK, EXIT_ERROR, EXIT_ENVIRONMENT = 0, 1, 2
DRAIN_S = 8.0
"""edgeAgent kills 10 s after SIGTERM."""
_UNWIND_S = 1.0
_HEARTBEAT_S = 5.0
_BEAT_S = 1.0

Work = Callable[[asyncio.Event, Watchdog], Coroutine[Any, Any, None]]


def run(work: Work) -> int:
    """Run `work(stopping, watchdog)` to its end. Returns the exit code."""
    watchdog = Watchdog()
    watchdog.start()
    try:
        return asyncio.run(_supervise(work, watchdog))
    finally:
        watchdog.stop()
        _forget_heartbeat()


def leave(code: int) -> NoReturn:
    """Exit now. Threads of the SDK may still wait for a hub that is gone; they must not hold the process."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _supervise(work: Work, watchdog: Watchdog) -> int:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(SdkOrderExecutor())
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, stopping, number)
    beating = asyncio.create_task(_beat(watchdog), name="heartbeat")
    code = EXIT_OK
    try:
        await work(stopping, watchdog)
    except Exception as error:  # noqa: BLE001 - the last one to see it
        _tell(error)
        code = EXIT_ERROR
    beating.cancel()
    _deadline(_UNWIND_S, code)  # asyncio.run joins the executor's threads next, which may hang
    return code


def _tell(error: BaseException) -> None:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            _tell(inner)
    else:
        _log.critical("unhandled %s: %s", type(error).__name__, error, exc_info=error)


def _stop(stopping: asyncio.Event, number: int) -> None:
    if not stopping.is_set():
        _log.info("%s: draining", signal.Signals(number).name)
        stopping.set()
        _deadline(DRAIN_S, EXIT_OK)


def _deadline(seconds: float, code: int) -> None:
    def late() -> None:
        _log.warning("not drained in time: leaving")
        _forget_heartbeat()
        leave(code)

    timer = threading.Timer(seconds, late)
    timer.daemon = True
    timer.start()


def _forget_heartbeat() -> None:
    with contextlib.suppress(OSError):
        Path(heartbeat_file()).unlink()


async def _beat(watchdog: Watchdog) -> None:
    path = Path(heartbeat_file())
    since_s = _HEARTBEAT_S
    while True:
        watchdog.beat()
        if since_s >= _HEARTBEAT_S:
            since_s = 0.0
            try:
                path.touch()
            except OSError as error:
                _log.warning("no heartbeat for the health check: %s (set HEARTBEAT_FILE)", error)
        await asyncio.sleep(_BEAT_S)
        since_s += _BEAT_S
