"""Upstreams that behave in one particular way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.upstream_delivery import UpstreamError
from tests.patience import PATIENCE_S


class FlakyUpstream:
    """Fails `failures` times, then takes everything but the sequences in `refuse`."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.refuse: dict[int, str] = {}
        self.taken: list[Stored] = []
        self.attempts = 0
        self.arrived = asyncio.Event()

    async def send(self, batch: Sequence[Stored]) -> Mapping[int, str]:
        self.attempts += 1
        if self.failures > 0:
            self.failures -= 1
            raise UpstreamError("unreachable")
        self.taken.extend(batch)
        self.arrived.set()
        return {s.sequence: self.refuse[s.sequence] for s in batch if s.sequence in self.refuse}

    async def wait_for(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.taken) < count:
                self.arrived.clear()
                await self.arrived.wait()
