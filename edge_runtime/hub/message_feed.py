"""Documents about messages, made of them only when somebody reads: `stored`, `delivered`, `dropped`."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from edge_runtime.hub.feed import Feed, Subscriber, line_of
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.router import Copy, short_name
from edge_runtime.hub.sampling import Sampler, trace_of

_OBSERVED_BODY_BYTES = 16 * 1024


class MessageFeed:
    """Tells the feed's readers of messages; a reader with a sampler gets what is in its sample, with bodies."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def stored(self, message: Message, copies: Sequence[Copy], rows: Sequence[Stored]) -> None:
        """The message is durable, `rows` are its copies."""
        readers = self._feed.readers
        if not readers:
            return
        endpoints = [short_name(copy.endpoint) for copy in copies]
        trace = trace_of(message, rows[0].sequence) or ""
        fields: dict[str, Any] | None = None
        whole: bytes | None = None
        for reader in readers:
            sampler = reader.sampler
            if sampler is None:
                if reader.wants("stored", *endpoints):
                    fields = fields or _stored_fields(message, copies, endpoints)
                    whole = whole or line_of("stored", fields | _short_body(message))
                    reader.put(whole)
            elif _samples_stored(reader, sampler, endpoints, trace, message):
                fields = fields or _stored_fields(message, copies, endpoints)
                reader.put(line_of("stored", fields | {"trace": trace} | _body(message, sampler)))

    def delivered(self, endpoint: str, stored: Stored, redelivery: bool) -> None:
        """`endpoint` has confirmed it: `module/input` or `iothub`."""
        readers = self._feed.readers
        if not readers:
            return
        message = stored.message
        fields = None
        for reader in readers:
            sampler = reader.sampler
            if sampler is None:
                if not reader.wants("delivered", endpoint):
                    continue
                trace = None
            else:
                trace = trace_of(message, stored.sequence)
                if not _samples_delivered(reader, sampler, endpoint, trace):
                    continue
            fields = fields or {
                "endpoint": endpoint,
                "module": message.sender.module,
                "output": message.output,
                "messageId": message.sys.get("messageId"),
                "redelivery": redelivery,
            }
            reader.put(line_of("delivered", fields if trace is None else fields | {"trace": trace}))

    def dropped(self, reason: str, message: Message, sequence: int | None) -> None:
        """`sequence` is the number of one that was stored."""
        if self._feed.wanted("dropped"):
            self._drop(reason, message.sender, message, trace_of(message, sequence))

    def refused(self, reason: str, client: ClientId | None) -> None:
        """Something was refused before it became a message."""
        if self._feed.wanted("dropped"):
            self._drop(reason, client, None, None)

    def _drop(self, reason: str, sender: ClientId | None, message: Message | None, trace: str | None) -> None:
        fields = {
            "reason": reason,
            "module": sender and sender.module,
            "output": message and message.output,
            "messageId": message and message.sys.get("messageId"),
        }
        for reader in self._feed.readers:
            if not reader.wants("dropped"):
                continue
            if reader.sampler is None:
                reader.put(line_of("dropped", fields))
            elif reader.sampler.dropped(trace):
                reader.put(line_of("dropped", fields | {"trace": trace}))


def _samples_stored(
    reader: Subscriber, sampler: Sampler, endpoints: Sequence[str], trace: str, message: Message
) -> bool:
    # Both are asked: what follows a message that was asked for by its endpoint is in the sample like that of others.
    sampled = reader.wants("stored") and sampler.stored(trace, (message.sender, message.output))
    return sampled or any(
        reader.names("stored", endpoint) and sampler.named(f"stored:{endpoint}") for endpoint in endpoints
    )


def _samples_delivered(reader: Subscriber, sampler: Sampler, endpoint: str, trace: str | None) -> bool:
    if reader.wants("delivered") and sampler.continues(trace):
        return True
    return reader.names("delivered", endpoint) and sampler.named(f"delivered:{endpoint}")


def _stored_fields(message: Message, copies: Sequence[Copy], endpoints: Sequence[str]) -> dict[str, Any]:
    return {
        "device": message.sender.device,
        "module": message.sender.module,
        "output": message.output,
        "routes": sorted(route for copy in copies for route in copy.routes),
        "endpoints": endpoints,
        "size": len(message.body),
        "sys": message.sys,
        "app": message.app,
    }


def _short_body(message: Message) -> dict[str, str]:
    if message.sys.get("contentType") == "application/json" and len(message.body) <= _OBSERVED_BODY_BYTES:
        return {"body": message.body.decode(errors="replace")}
    return {}


def _body(message: Message, sampler: Sampler) -> dict[str, str]:
    body = message.body
    omitted = sampler.omits(len(body))
    if omitted is not None:
        return {"bodyOmitted": omitted}
    kind = (message.sys.get("contentType") or "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pass  # it says something else than it is, or is UTF-16: as bytes nothing of it is lost
    return {"bodyBase64": base64.b64encode(body).decode()}
