"""Callers that never stop asking while replicas come and go."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import aiohttp

from tests.patience import PATIENCE_S

CALLERS = 6


@dataclass
class Tally:
    """What the callers saw: answers by replica, and by model version.

    `failures` holds every answer but 200, and every request without one.
    """

    answers: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.answers.total()


@contextmanager
def load(url: str, picture: bytes, key: str) -> Iterator[Tally]:
    """Callers on `url` until the end of the block; each keeps its connection, as clients do."""
    tally, stop = Tally(), Event()
    body = json.dumps({"picture.png": base64.b64encode(picture).decode()}).encode()
    thread = Thread(target=lambda: asyncio.run(_callers(url, body, key, tally, stop)))
    thread.start()
    try:
        yield tally
    finally:
        stop.set()
        thread.join()


async def _callers(url: str, body: bytes, key: str, tally: Tally, stop: Event) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    limit = aiohttp.ClientTimeout(total=3 * PATIENCE_S)
    async with aiohttp.ClientSession(headers=headers, timeout=limit) as session, asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(_caller(session, url, body, tally, stop))


async def _caller(session: aiohttp.ClientSession, url: str, body: bytes, tally: Tally, stop: Event) -> None:
    while not stop.is_set():
        try:
            async with session.post(url, data=body) as answer:
                text = await answer.text()
                if answer.status == 200:
                    tally.answers[answer.headers.get("X-Replica", "direct")] += 1
                    tally.versions[answer.headers["X-Model-Version"]] += 1
                else:
                    tally.failures.append(
                        f"{answer.status} of {answer.headers.get('X-Replica')}: {text[:300]}"
                    )
        except (aiohttp.ClientError, TimeoutError) as error:
            tally.failures.append(repr(error))
