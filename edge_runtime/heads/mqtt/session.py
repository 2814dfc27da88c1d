"""A connected client's session: subscriptions and twin requests, one after the other.

They share a series because a client may rely on their order, and because some wait for the disk:
SUBACK follows the durable session (the Python SDK never subscribes again after a reconnect, spec A.7).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from edge_runtime.heads.mqtt.encoder import encode
from edge_runtime.heads.mqtt.jobs import SerialJobs
from edge_runtime.heads.mqtt.outbox import Outbox
from edge_runtime.heads.mqtt.packets import Suback, Subscribe, Unsuback, Unsubscribe
from edge_runtime.heads.mqtt.subscriptions import MAX_QOS, Subscriptions
from edge_runtime.heads.mqtt.topics import twin_response_topic
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Hub, InvalidTwinError, JsonObject, Link, NotReadyError

logger = logging.getLogger(__name__)

_TWIN_RETRY_S = 1.0
_CONGESTED_S = 0.2


class Session:
    """`stored` holds the subscriptions of a persistent session, None for a clean one."""

    def __init__(
        self, hub: Hub, link: Link, client: ClientId, outbox: Outbox, stored: dict[str, int] | None
    ) -> None:
        self.client = client
        self.subscriptions = Subscriptions(client, stored)
        self._persistent = stored is not None
        self._hub = hub
        self._link = link
        self._outbox = outbox
        self._ended = False
        self._jobs = SerialJobs(f"mqtt session of {client}", self._failed)

    def end(self) -> None:
        self._ended = True
        self._jobs.drop()

    def _failed(self, error: Exception) -> None:
        logger.error("%s: the session cannot go on: %s", self.client, error, exc_info=error)
        self._link.close("internal error")

    def forget(self) -> None:
        """Delete what an earlier connection left: this one asked for a clean session."""
        self._jobs.add(partial(self._hub.save_session, self.client, None))

    # Subscriptions -----------------------------------------------------------------------------

    def subscribe(self, packet: Subscribe, done: Callable[[], None]) -> None:
        self._jobs.add(partial(self._subscribe, packet, done))

    async def _subscribe(self, packet: Subscribe, done: Callable[[], None]) -> None:
        subscriptions = self.subscriptions.added(packet.filters)
        await self._save(subscriptions)
        if self._ended:
            return
        for text, _ in packet.filters:
            if text not in subscriptions.filters:
                reason = "filter_limit" if subscriptions.understands(text) else "foreign_filter"
                self._hub.drop(self.client, reason, f"subscription to {text[:200]!r} will receive nothing")
        codes = [min(qos, MAX_QOS) for _, qos in packet.filters]
        self._outbox.send(encode(Suback(packet.packet_id, codes)))
        done()
        self._hub.set_features(self.client, self._link, subscriptions.features)

    def unsubscribe(self, packet: Unsubscribe, done: Callable[[], None]) -> None:
        self._jobs.add(partial(self._unsubscribe, packet, done))

    async def _unsubscribe(self, packet: Unsubscribe, done: Callable[[], None]) -> None:
        await self._save(self.subscriptions.removed(packet.filters))
        if self._ended:
            return
        self._hub.set_features(self.client, self._link, self.subscriptions.features)
        self._outbox.send(encode(Unsuback(packet.packet_id)))
        done()

    async def _save(self, subscriptions: Subscriptions) -> None:
        if self._persistent and subscriptions.filters != self.subscriptions.filters:
            await self._hub.save_session(self.client, subscriptions.filters)
        self.subscriptions = subscriptions

    # Twins -------------------------------------------------------------------------------------

    def read_twin(self, request_id: str, done: Callable[[], None]) -> None:
        self._jobs.add(partial(self._read_twin, request_id, done))

    async def _read_twin(self, request_id: str, done: Callable[[], None]) -> None:
        # The Python SDK repeats a failed GET at once and without end, so it waits instead (spec B.7).
        while not self._ended:
            if not self._link.writable:
                await asyncio.sleep(_CONGESTED_S)  # it asks and does not read: answers would pile up here
                continue
            try:
                twin = self._hub.twin(self.client)
            except NotReadyError:
                await asyncio.sleep(_TWIN_RETRY_S)
                continue
            done()
            self._respond(200, request_id, json.dumps(twin, separators=(",", ":")).encode())
            return

    def report(self, request_id: str, payload: bytes, done: Callable[[], None]) -> None:
        self._jobs.add(partial(self._report, request_id, payload, done))

    async def _report(self, request_id: str, payload: bytes, done: Callable[[], None]) -> None:
        try:
            await self._hub.report(self.client, _json_object(payload))
            status = 204
        except InvalidTwinError as error:
            self._hub.drop(self.client, "invalid_twin", str(error))
            status = 400
        except NotReadyError:
            # Without PUBACK and answer the client sends the patch again after it has reconnected.
            self._link.close("the hub cannot take reported properties now")
            return
        done()
        self._respond(status, request_id, b"")

    def _respond(self, status: int, request_id: str, payload: bytes) -> None:
        if self.subscriptions.twin_responses:
            topic = twin_response_topic(status, request_id).encode()
            self._outbox.publish(topic, payload, self.subscriptions.qos(None))


def _json_object(payload: bytes) -> JsonObject:
    try:
        patch: Any = json.loads(payload.decode(), parse_constant=_refuse_constant)
        if b"\\u" in payload:
            json.dumps(patch, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError) as error:
        raise InvalidTwinError(f"reported properties: not JSON: {error}") from None
    if not isinstance(patch, dict):
        raise InvalidTwinError(f"reported properties: an object expected, not {type(patch).__name__}")
    return patch


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")
