"""Cloud-to-device messages, relayed while a device listens; the cloud keeps those that wait (spec B.6)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from edge_runtime.hub.backoff import Backoff
from edge_runtime.hub.message import ClientId, Message, Properties
from edge_runtime.hub.ports import Link
from edge_runtime.hub.upstream_delivery import UpstreamError
from edge_runtime.lasting import keep_running

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Devicebound:
    """One message. `sequence` completes it; `deliveries` is 1 the first time."""

    sequence: int
    deliveries: int
    app: Properties
    sys: Properties
    body: bytes = field(repr=False)


class DeviceboundSource(Protocol):
    """The cloud's queues."""

    async def receive(self, device: str) -> Devicebound | None:
        """The oldest message for the device; None when none has come for a while. Raises UpstreamError."""

    async def complete(self, device: str, sequence: int) -> None:
        """The device has confirmed it. Raises UpstreamError."""


class DeviceboundRelay:
    """One task for each device that listens: a message at a time, in order, completed by the device's PUBACK.

    A device that goes before it confirmed gets the message again when it listens again.
    """

    def __init__(self, source: DeviceboundSource | None) -> None:
        self._source = source
        self._relays: dict[ClientId, tuple[Link, asyncio.Task[None], Backoff]] = {}

    def listen(self, client: ClientId, link: Link | None) -> None:
        """The device's link for these messages; None when it listens no longer."""
        old = self._relays.get(client)
        if old is not None and old[0] is link:
            return
        if old is not None:
            old[1].cancel()
            del self._relays[client]
        if link is not None and self._source is not None:
            backoff = Backoff()
            relay = partial(self._relay, self._source, client, link, backoff)
            task = keep_running(f"The relay of messages for {client}", relay)
            self._relays[client] = link, task, backoff

    def retry(self) -> None:
        """The way is free again: no relay waits for the end of its pause."""
        for _, _, backoff in self._relays.values():
            backoff.end()

    def close(self) -> None:
        for _, task, _ in self._relays.values():
            task.cancel()
        self._relays.clear()

    async def _relay(self, source: DeviceboundSource, client: ClientId, link: Link, backoff: Backoff) -> None:
        while True:
            try:
                await self._relay_one(source, client, link, backoff)
                backoff.reset()
            except UpstreamError as error:
                logger.info("Messages for %s: %s", client, error)
                await backoff.pause()

    async def _relay_one(
        self, source: DeviceboundSource, client: ClientId, link: Link, backoff: Backoff
    ) -> None:
        received = await source.receive(client.device)
        if received is None:
            return
        confirmed = asyncio.Event()
        message = Message(client, None, received.app, received.sys, received.body)
        link.deliver("", message, redelivery=received.deliveries > 1, acked=confirmed.set)
        await confirmed.wait()
        backoff.reset()
        # Asked for again instead, it would come to the device a second time.
        while not await self._completed(source, client, received.sequence):
            await backoff.pause()

    async def _completed(self, source: DeviceboundSource, client: ClientId, sequence: int) -> bool:
        try:
            await source.complete(client.device, sequence)
        except UpstreamError as error:
            logger.info("A message that %s has confirmed: %s", client, error)
            return False
        return True
