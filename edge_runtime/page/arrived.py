"""`GET /api/v1/arrived`: what arrived at the local IoT Hub, the newest first."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sqlite3
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from edge_runtime.iothub.event import Event, readable
from edge_runtime.iothub.store import Filter, read_newest
from edge_runtime.page.json_bytes import encode
from edge_runtime.page.json_http import RequestError
from edge_runtime.page.query import whole_number

MOST_EVENTS = 500
_DEFAULT_EVENTS = 100
# Of the answer: an event has up to 256 KiB.
MOST_BYTES = 4 * 1024 * 1024


class ArrivedHandler:
    """Reads `store`, which another part of the runtime writes."""

    def __init__(self, store: Path) -> None:
        self._store = store

    async def handle(self, request: web.Request) -> web.Response:
        query = request.query
        limit = whole_number(query, "limit", 1, MOST_EVENTS)
        which = Filter(
            module=query.get("module") or None,
            output=query.get("output") or None,
            before_id=whole_number(query, "before", 0, 2**63 - 1),
        )
        try:
            document = await asyncio.to_thread(_read, self._store, which, limit or _DEFAULT_EVENTS)
        except sqlite3.Error as error:
            raise RequestError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"what arrived cannot be read: {error}"
            ) from error
        return web.Response(body=document, content_type="application/json")


def _read(store: Path, which: Filter, limit: int) -> bytes:
    """Stops before the answer is too long, but has one event at least, so that a reader gets on."""
    events: list[bytes] = []
    size = 0
    if not store.exists():
        return _document([], more=False)
    with contextlib.closing(read_newest(store, which)) as found:
        for number, arrived in found:
            encoded = _encoded(arrived, number)
            size += len(encoded)
            if events and (len(events) >= limit or size > MOST_BYTES):
                return _document(events, more=True)
            events.append(encoded)
    return _document(events, more=False)


def _encoded(arrived: Event, number: int) -> bytes:
    document = readable(arrived, number)
    try:
        return encode(document)
    except RecursionError:  # to be written it needs more of the stack than to be read
        document.pop("body", None)
        return encode({**document, "bodyBase64": base64.b64encode(arrived.body).decode()})


def _document(events: list[bytes], *, more: bool) -> bytes:
    return b'{"events":[%b],"more":%b}' % (b",".join(events), b"true" if more else b"false")
