"""The local sink: every event as JSON to a plain MQTT broker on the plant's network.

It has its own bounded queue and its own task: a broker that is away costs the oldest events, counted, and
never holds up what goes upstream.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable

from module_kit.backoff import Backoff
from module_kit.inbox import Inbox, Overflow
from module_kit.message import Outgoing
from results_filter.broker import BrokerAddress

_log = logging.getLogger(__name__)

CAPACITY = 1000


class LocalSink:
    """Publishes events at QoS 1, in order, reconnecting with back-off.

    Args:
        dropped: called with a reason (`sink_overflow`) for each event given up.
    """

    def __init__(self, dropped: Callable[[str], None]) -> None:
        self._inbox: Inbox[Outgoing] = Inbox(
            "local sink", CAPACITY, Overflow.DROP_OLDEST, lambda _item, _: dropped("sink_overflow")
        )
        self._address: BrokerAddress | None = None
        self._changed = asyncio.Event()
        self._in_hand: Outgoing | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def configure(self, url: str) -> None:
        """Publish to `url` from now on; empty: nowhere."""
        address = BrokerAddress.parse(url) if url else None
        if address != self._address:
            self._address = address
            self._changed.set()

    def publish(self, message: Outgoing) -> None:
        if self._address is not None:
            self._idle.clear()
            self._inbox.put(message)

    async def drain(self, timeout_s: float) -> int:
        """Wait until all is published, at most `timeout_s`. Returns how many events are not."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            pass
        return len(self._inbox) + (self._in_hand is not None)

    async def run(self) -> None:
        """Publish for as long as the module runs."""
        while True:
            self._changed.clear()
            if self._address is None:
                await self._changed.wait()
                continue
            publishing = asyncio.create_task(self._keep_publishing(self._address), name="local sink")
            changed = asyncio.create_task(self._changed.wait(), name="local sink changed")
            try:
                await asyncio.wait([publishing, changed], return_when=asyncio.FIRST_COMPLETED)
                if publishing.done():
                    publishing.result()
            finally:
                publishing.cancel()
                changed.cancel()
                await asyncio.wait([publishing, changed])

    async def _keep_publishing(self, address: BrokerAddress) -> None:
        import aiomqtt  # noqa: PLC0415 - loaded only where a sink is set

        backoff = Backoff(first_s=0.5, longest_s=30.0)
        while True:
            try:
                async with aiomqtt.Client(
                    address.host,
                    address.port,
                    username=address.user,
                    password=address.password,
                    tls_context=ssl.create_default_context() if address.tls else None,
                    timeout=10,
                ) as client:
                    _log.info("local sink: publishing to %s:%d %s", address.host, address.port, address.topic)
                    backoff.reset()
                    await self._publish_all(client.publish, address.topic)
            except (aiomqtt.MqttError, OSError) as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    # The client, on its way out, puts a lost connection in the place of the cancellation.
                    raise asyncio.CancelledError from None
                delay_s = backoff.next_s()
                _log.warning("local sink: %s; again in %.1f s", error, delay_s)
                await asyncio.sleep(delay_s)

    async def _publish_all(self, publish: Callable[..., Awaitable[None]], topic: str) -> None:
        while True:
            if self._in_hand is None:
                if not len(self._inbox):
                    self._idle.set()
                self._in_hand = await self._inbox.get()
            await publish(topic, self._in_hand.body, qos=1)
            self._in_hand = None
