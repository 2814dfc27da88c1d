"""Log lines as methods answer and upload them: text or JSON, plain or zipped."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from edge_runtime.agent.methods.arguments import LogsRequest
from edge_runtime.agent.methods.errors import BadArgumentError
from edge_runtime.agent.methods.log_store import LogStore, select
from edge_runtime.agent.methods.records import Record

MAXIMUM_BYTES = 127_000
_GZIP = 31
"""zlib's `wbits` for a gzip file."""
_EXTENSIONS = {"text": "log", "json": "json"}
_MEDIA_TYPES = {"text": "text/plain", "json": "application/json"}


@dataclass(frozen=True, slots=True)
class DeviceName:
    """The first two members of a JSON line."""

    iothub_hostname: str
    device: str


@dataclass(frozen=True, slots=True)
class LogContent:
    """One module's log. `content` is zipped when the request wants it so."""

    module: str
    content: bytes
    zipped: bool
    media_type: str
    extension: str

    def document(self) -> dict[str, str]:
        """An entry of `GetModuleLogs`' answer."""
        if self.zipped:
            return {"id": self.module, "payloadBytes": base64.b64encode(self.content).decode()}
        return {"id": self.module, "payload": self.content.decode()}


def read(store: LogStore, names: list[str], request: LogsRequest, device: DeviceName) -> Iterator[LogContent]:
    """What the request asks for, a module each. Blocks. Raises MethodError."""
    return _contents(store, names, request, device, math.inf)


def answer(
    store: LogStore, names: list[str], request: LogsRequest, device: DeviceName
) -> list[dict[str, str]]:
    """`GetModuleLogs`' payload. Blocks; reads no further than there is room for. Raises MethodError."""
    return [content.document() for content in _contents(store, names, request, device, MAXIMUM_BYTES)]


def _contents(
    store: LogStore, names: list[str], request: LogsRequest, device: DeviceName, room: float
) -> Iterator[LogContent]:
    zipped = request.encoding == "gzip"
    for module, wanted in select(request.items, names).items():
        found = store.read(module, wanted)
        pieces = _text(found) if request.content_type == "text" else _json(found, module, device)
        content = _bytes(pieces, zipped=zipped, room=room)
        room -= len(content)
        extension = _EXTENSIONS[request.content_type] + (".gz" if zipped else "")
        yield LogContent(module, content, zipped, _MEDIA_TYPES[request.content_type], extension)


def _bytes(pieces: Iterable[str], *, zipped: bool, room: float) -> bytes:
    """Raises BadArgumentError when there is no room for them."""
    press = zlib.compressobj(wbits=_GZIP) if zipped else None
    content = bytearray()
    for piece in pieces:
        raw = piece.encode()
        content += press.compress(raw) if press else raw
        if len(content) > room:
            break
    else:
        content += press.flush() if press else b""
    if len(content) > room:
        raise BadArgumentError(
            f"The payload is too large for a direct method: GetModuleLogs answers up to {MAXIMUM_BYTES} bytes of "
            "logs. Ask for less with the filter's tail, since, until, loglevel or regex, or for gzip"
        )
    return bytes(content)


def _text(found: Iterable[Record]) -> Iterator[str]:
    return (f"{record.line}\n" for record in found)


def _json(found: Iterable[Record], module: str, device: DeviceName) -> Iterator[str]:
    lines: Iterator[dict[str, Any]] = (
        {
            "iothub": device.iothub_hostname,
            "device": device.device,
            "id": module,
            "stream": record.stream,
            "loglevel": record.level,
            "text": record.text,
            "timestamp": record.at.isoformat() if record.at is not None else None,
        }
        for record in found
    )
    yield "["
    for number, line in enumerate(lines):
        yield (", " if number else "") + json.dumps(line, ensure_ascii=False)
    yield "]"
