"""Documents about messages, made of them only when somebody reads: `stored`, `delivered`, `dropped`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
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
        whole: bytes | None = None
        trace: str | None = None
        for reader in readers:
            sampler = reader.sampler
            if sampler is None:
                if reader.wants("stored", *endpoints):
                    whole = whole or _stored_line(message, copies, endpoints, _short_body(message))
                    reader.put(whole)
                continue
            trace = trace or trace_of(message, rows[0].sequence)
            if _samples_stored(reader, sampler, endpoints, trace, message):
                of_sample = {"trace": trace, **_body(message, sampler)}
                reader.put(_stored_line(message, copies, endpoints, of_sample))

    def delivered(self, endpoint: str, stored: Stored, redelivery: bool) -> None:
        """`endpoint` has confirmed it: `module/input` or `iothub`."""
        readers = self._feed.readers
        if not readers:
            return
        message = stored.message
        whole: bytes | None = None
        trace: str | None = None
        for reader in readers:
            sampler = reader.sampler
            if sampler is None:
                if reader.wants("delivered", endpoint):
                    whole = whole or _delivered_line(endpoint, message, redelivery, {})
                    reader.put(whole)
                continue
            trace = trace or trace_of(message, stored.sequence)
            if _samples_delivered(reader, sampler, endpoint, trace):
                reader.put(_delivered_line(endpoint, message, redelivery, {"trace": trace}))

    def dropped(
        self, reason: str, message: Message, *, endpoint: str | None = None, sequence: int | None = None
    ) -> None:
        """A message, or its copy for `endpoint`; `sequence` is the number of one that was stored."""
        if not self._feed.wanted("dropped"):
            return
        fields = {
            "reason": reason,
            "module": message.sender.module,
            "output": message.output,
            "endpoint": endpoint,
            "messageId": message.sys.get("messageId"),
        }
        self._drop(fields, trace_of(message, sequence))

    def refused(self, reason: str, client: ClientId | None) -> None:
        """Something was refused before it became a message."""
        if self._feed.wanted("dropped"):
            unknown = dict.fromkeys(("output", "endpoint", "messageId"))
            self._drop({"reason": reason, "module": client and client.module, **unknown}, None)

    def _drop(self, fields: dict[str, Any], trace: str | None) -> None:
        for reader in self._feed.readers:
            if not reader.wants("dropped"):
                continue
            if reader.sampler is None:
                reader.put(line_of("dropped", fields))
            elif reader.sampler.dropped(trace):
                reader.put(line_of("dropped", {**fields, "trace": trace}))


def _samples_stored(
    reader: Subscriber, sampler: Sampler, endpoints: Sequence[str], trace: str, message: Message
) -> bool:
    # The sample first: of a message asked for by its endpoint it also has what follows.
    if reader.wants("stored") and sampler.stored(trace, (message.sender, message.output)):
        return True
    named = reader.named("stored").intersection(endpoints)
    return bool(named) and any(sampler.named(f"stored:{endpoint}") for endpoint in named)


def _samples_delivered(reader: Subscriber, sampler: Sampler, endpoint: str, trace: str) -> bool:
    if reader.wants("delivered") and sampler.continues(trace):
        return True
    return endpoint in reader.named("delivered") and sampler.named(f"delivered:{endpoint}")


def _stored_line(
    message: Message, copies: Sequence[Copy], endpoints: Sequence[str], more: Mapping[str, str]
) -> bytes:
    fields = {
        "device": message.sender.device,
        "module": message.sender.module,
        "output": message.output,
        "routes": sorted(route for copy in copies for route in copy.routes),
        "endpoints": endpoints,
        "size": len(message.body),
        "sys": message.sys,
        "app": message.app,
        **more,
    }
    return line_of("stored", fields)


def _delivered_line(endpoint: str, message: Message, redelivery: bool, more: Mapping[str, str]) -> bytes:
    fields = {
        "endpoint": endpoint,
        "module": message.sender.module,
        "output": message.output,
        "messageId": message.sys.get("messageId"),
        "redelivery": redelivery,
        **more,
    }
    return line_of("delivered", fields)


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
