"""What `scripts/webhook` reads: lines as `scripts/edge events --json` prints them, or bare `event/1` documents."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydantic import ValidationError

from module_kit.event import SCHEMA, Event
from targets.logic_apps.position import Position

_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line. document: the event's JSON; None for messages of other schemas. position: None for a bare event."""

    document: dict[str, Any] | None
    position: Position | None

    def event(self) -> Event | None:
        """The event; None for messages of other schemas.

        Raises:
            ValueError: it breaks its schema or cannot be sent; the message says which.
        """
        if self.document is None:
            return None
        try:
            event = Event.model_validate_json(json.dumps(self.document))
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
        if not (event.message_id.isascii() and event.message_id.isprintable()):
            raise ValueError("eventId: expected printable ASCII, since the header webhook-id is made of it")
        return event


def line_of(text: bytes) -> Line:
    """What a line says.

    Raises:
        ValueError: no JSON, or too long.
    """
    if len(text.removesuffix(b"\n")) > _LONGEST_LINE:
        raise ValueError(f"a line of more than {_LONGEST_LINE} bytes")
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("no JSON: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(document, dict):
        return Line(None, None)
    if document.get("schema") == SCHEMA:
        return Line(document, None)
    body = document.get("body")
    is_event = isinstance(body, dict) and body.get("schema") == SCHEMA
    return Line(body if is_event else None, Position.of(document))


async def lines_of(file: BinaryIO) -> AsyncIterator[bytes]:
    """Lines of a regular file, which never blocks, or of a pipe or terminal, which must not hold up the loop.

    Of a line that is longer than a megabyte the first bytes alone come, more than a megabyte.
    """
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        while line := file.readline(_LONGEST_LINE + 1):
            yield line
            while len(line) > _LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE + 1)
        return
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    try:
        while line := await _next_line(reader):
            yield line
    finally:
        transport.close()


async def _next_line(reader: asyncio.StreamReader) -> bytes:
    """As `lines_of`; empty at the end. `readline` would give the rest of a long line as a line of its own."""
    beginning = b""
    while True:
        try:
            end = await reader.readuntil()
        except asyncio.IncompleteReadError as error:
            end = error.partial
        except asyncio.LimitOverrunError as error:
            piece = await reader.readexactly(error.consumed)
            beginning = beginning or piece
            continue
        return beginning or end
