"""From the inbox to the outputs: batches through the worker thread, answers and credits in order."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from classifier.answer import Answer
from classifier.counting import Counting
from classifier.credits import IDLE_S, CreditBook
from classifier.engine import Engine
from classifier.metrics import INBOX
from module_kit.inbox import Inbox, InboxClosed
from module_kit.message import Incoming, MessageError, Outgoing
from module_kit.sender import WINDOW
from module_kit.sparse_log import SparseLog

_log = logging.getLogger(__name__)

BATCH = 8
"""Frames per hop to the worker thread at most. A hop costs some 50 microseconds, a tenth of answering a small
picture; the first answer of a batch waits for the last."""

Send = Callable[[str, Outgoing], Awaitable[asyncio.Future[None]]]


class Feed:
    """Reads the inbox to its end.

    Args:
        inbox: frames, as they came out of the SDK.
        engine: answers them.
        send: hands a message to an output, in order, and waits while the window is full; the future is done
            when the hub has stored it.
    """

    def __init__(self, inbox: Inbox[Incoming], engine: Engine, send: Send) -> None:
        self._inbox = inbox
        self._engine = engine
        self._send = send
        self._credits = CreditBook()
        self._at_work = asyncio.Lock()
        self._sent: deque[asyncio.Future[None]] = deque(maxlen=WINDOW)
        self._problems = SparseLog(_log, "frames")
        self._counting = Counting()

    async def run(self) -> None:
        """Until the inbox is closed and empty; every frame that came out of it is answered and credited."""
        loop = asyncio.get_running_loop()
        # Not the loop's own executor: that one belongs to the SDK and keeps its order.
        with ThreadPoolExecutor(1, thread_name_prefix="classify") as worker:
            while True:
                try:
                    batch = await self._batch()
                except InboxClosed:
                    break
                async with self._at_work:
                    for result in await loop.run_in_executor(worker, self._engine.answer_all, batch):
                        await self._pass_on(result)
        await self._credit_the_rest()

    async def settled(self) -> None:
        """Until the hub has stored every answer that was begun before this call; frames go on meanwhile."""
        async with self._at_work:
            sent = list(self._sent)
        if sent:
            await asyncio.wait(sent)

    async def _batch(self) -> list[Incoming]:
        batch = [await self._next()]
        while len(batch) < BATCH and (message := self._inbox.get_nowait()) is not None:
            batch.append(message)
        INBOX.set(len(self._inbox))
        return batch

    async def _next(self) -> Incoming:
        if self._credits.owing():
            try:
                async with asyncio.timeout(IDLE_S):
                    return await self._inbox.get()
            except TimeoutError:
                await self._credit_the_rest()
        return await self._inbox.get()

    async def _pass_on(self, result: Answer | MessageError) -> None:
        if isinstance(result, MessageError):
            self._counting.dropped("unknown_frame")
            self._problems.warning(f"dropped: {result}")
            return
        self._sent.append(await self._send("predictions", result.message))
        prediction = result.prediction
        self._counting.answered(prediction, result.outcome)
        if prediction.error is not None:
            self._problems.warning(f"no result for {result.message.message_id}: {prediction.error.code}")
        credit = self._credits.finished(prediction.source, prediction.boot, prediction.sequence)
        if credit is not None:
            await self._send("credits", credit.encode())

    async def _credit_the_rest(self) -> None:
        for credit in self._credits.idle():
            await self._send("credits", credit.encode())
