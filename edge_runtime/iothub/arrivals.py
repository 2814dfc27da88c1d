"""The receiving end as a whole: batches in, durable answers out, all on one thread that is not the event loop's."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from edge_runtime.iothub.event import Event, RejectedError, accept
from edge_runtime.iothub.lines import EventLines
from edge_runtime.iothub.store import DEFAULT_LIMIT_BYTES, Filter, UpstreamStore, read_events

_log = logging.getLogger(__name__)
_LINES_AT_ONCE = 100


class MalformedBatchError(Exception):
    """The request is not the batch of docs/runtime-interfaces.md; nothing of it was read."""


class Arrivals:
    """Keeps what the hub sends upstream, in a store and in a file of JSON lines."""

    def __init__(self, store: Path, lines: Path, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self._path = store
        self._lines = EventLines(lines)
        self._limit = limit_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="upstream")
        self._store: UpstreamStore | None = None
        self._behind = False

    async def open(self) -> None:
        """Open the store. Raises StoreUnusableError."""
        await self._run(self._open)

    async def receive(self, device: str, body: bytes) -> list[dict[str, Any]]:
        """Store a batch; gives the messages that can never be accepted, with the reason.

        Raises MalformedBatchError, StoreRefusedError.
        """
        rejected: list[dict[str, Any]] = await self._run(self._keep, device, body)
        return rejected

    async def close(self) -> None:
        """Finish what was begun."""
        await self._run(self._close)
        self._thread.shutdown()

    async def _run(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    def _open(self) -> None:
        fresh = not self._path.exists()
        self._store = UpstreamStore(self._path, self._limit)
        if fresh:
            self._lines.rotate()
        self._behind = True
        self._append([])

    def _keep(self, device: str, body: bytes) -> list[dict[str, Any]]:
        if self._store is None:
            raise RuntimeError("open() comes first")
        now = datetime.now(UTC)
        events: list[Event] = []
        rejected: list[dict[str, Any]] = []
        for document in _messages(body):
            try:
                events.append(accept(device, document, now))
            except RejectedError as error:
                rejected.append({"sequence": document["sequence"], "reason": str(error)})
                _log.warning("message %d of %s rejected: %s", document["sequence"], device, error)
        # The sender need not wait for the lines: what the file lacks after a crash is written at the next start.
        self._thread.submit(self._append, self._store.add(events)).add_done_callback(_tell_failure)
        return rejected

    def _append(self, events: list[tuple[int, Event]]) -> None:
        """The store is what counts: lines that cannot be written now follow when they can, or at the next start."""
        try:
            if self._behind:
                self._catch_up()
            else:
                self._lines.append(events)
        except (OSError, sqlite3.Error) as error:
            if not self._behind:
                _log.warning("upstream.jsonl lacks what arrives from now on: %s", error)
            self._behind = True

    def _catch_up(self) -> None:
        """Write what the store has and the file lacks, which may end within a line."""
        missing = read_events(self._path, Filter(after_id=self._lines.last_id()))
        while piece := list(islice(missing, _LINES_AT_ONCE)):
            self._lines.append(piece)
        self._behind = False

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()


def _tell_failure(writing: Future[None]) -> None:
    if (error := writing.exception()) is not None:
        _log.error("upstream.jsonl lacks events", exc_info=error)


def _messages(body: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        batch = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBatchError(f"the body is not JSON: {error}") from error
    messages = batch.get("messages") if isinstance(batch, dict) else None
    if not isinstance(messages, list):
        raise MalformedBatchError('expected {"messages": [...]}')
    for position, message in enumerate(messages):
        sequence = message.get("sequence") if isinstance(message, dict) else None
        if not isinstance(sequence, int) or isinstance(sequence, bool):
            raise MalformedBatchError(f"message {position} has no whole number as sequence")
    return messages
