"""The webhook sink: each event as one signed POST, in order, again and again until it is taken or too old.

Its queue is bounded and its policy is WAIT: who feeds it is held up, and nothing is lost in it. What is given up is
counted: `refused` (the receiver will not take it, ever) and `expired` (it could not be delivered in time).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from module_kit.backoff import Backoff
from module_kit.event import Event
from targets.logic_apps.signature import headers

_log = logging.getLogger(__name__)

CAPACITY = 256
TIMEOUT_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
_AGAIN = frozenset({408, 425, 429, *range(500, 600)})


@dataclass(frozen=True, slots=True)
class _Waiting:
    message_id: str
    body: bytes
    since_s: float
    done: Callable[[], None] | None


class WebhookSink:
    """Feed it with `put`, run `run` beside; `close` lets `run` end when all is delivered or given up.

    Args:
        url: of the receiver.
        key: see `signature.key_of`.
        session: closed by who made it.
        give_up_s: how long an event is tried.
        longest_pause_s: between two tries, and the most that a receiver's Retry-After is heeded for.
        sleep: how a pause is made.
    """

    def __init__(
        self,
        url: str,
        key: bytes,
        session: aiohttp.ClientSession,
        *,
        give_up_s: float = 3600.0,
        longest_pause_s: float = LONGEST_PAUSE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url, self._key, self._session = url, key, session
        self._give_up_s, self._longest_pause_s = give_up_s, longest_pause_s
        self._sleep = sleep
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue(CAPACITY)
        self.delivered = 0
        self.dropped: Counter[str] = Counter()

    async def put(self, event: Event, done: Callable[[], None] | None = None) -> None:
        """Waits while the queue is full. done: called once it is delivered or given up; what it raises ends `run`."""
        await self._queue.put(_Waiting(event.message_id, event.json_body(), time.monotonic(), done))

    async def close(self) -> None:
        await self._queue.put(None)

    async def run(self) -> None:
        while (waiting := await self._queue.get()) is not None:
            await self._deliver(waiting)
            if waiting.done:
                waiting.done()

    async def _deliver(self, waiting: _Waiting) -> None:
        backoff = Backoff(FIRST_PAUSE_S, self._longest_pause_s)
        while True:
            problem, again, pause_s = await self._try(waiting)
            if not problem:
                self.delivered += 1
                return
            if not again:
                self._drop("refused", waiting, problem)
                return
            pause_s = max(pause_s, backoff.next_s())
            if time.monotonic() + pause_s - waiting.since_s > self._give_up_s:
                self._drop("expired", waiting, problem)
                return
            _log.warning("%s: %s; again in %.1f s", waiting.message_id, problem, pause_s)
            await self._sleep(pause_s)

    async def _try(self, waiting: _Waiting) -> tuple[str, bool, float]:
        """What is wrong (empty: delivered), whether to try again, and the pause the receiver asks for, in seconds."""
        signed = headers(self._key, waiting.message_id, int(time.time()), waiting.body)
        try:
            async with self._session.post(
                self._url,
                data=waiting.body,
                headers={"Content-Type": "application/json", **signed},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                status, asked = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The URL of a Logic App holds its key, and aiohttp's texts may hold the URL.
            return type(error).__name__, True, 0.0
        except ValueError as error:
            return f"no request can be made of it ({type(error).__name__})", False, 0.0
        if 200 <= status < 300:
            return "", False, 0.0
        pause_s = float(asked) if asked.isascii() and asked.isdecimal() else 0.0
        return f"status {status}", status in _AGAIN, min(pause_s, self._longest_pause_s)

    def _drop(self, reason: str, waiting: _Waiting, problem: str) -> None:
        self.dropped[reason] += 1
        _log.error("%s: %s, given up (%s)", ascii(waiting.message_id)[1:-1], problem, reason)
