"""Log lines as methods answer and upload them: text or JSON, plain or zipped."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge_runtime.agent.methods.arguments import LogsRequest
from edge_runtime.agent.methods.errors import BadArgumentError
from edge_runtime.agent.methods.log_store import LogStore, select
from edge_runtime.agent.methods.records import Record

MAXIMUM_BYTES = 127_000
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


def read(store: LogStore, names: list[str], request: LogsRequest, device: DeviceName) -> list[LogContent]:
    """What the request asks for, a module each. Blocks. Raises MethodError."""
    zipped = request.encoding == "gzip"
    contents = []
    for module, wanted in select(request.items, names).items():
        found = store.read(module, wanted)
        text = _text(found) if request.content_type == "text" else _json(found, module, device)
        content = gzip.compress(text.encode(), mtime=0) if zipped else text.encode()
        extension = _EXTENSIONS[request.content_type] + (".gz" if zipped else "")
        contents.append(LogContent(module, content, zipped, _MEDIA_TYPES[request.content_type], extension))
    return contents


def answer(contents: list[LogContent]) -> list[dict[str, str]]:
    """`GetModuleLogs`' payload. Raises BadArgumentError when it is more than a method's answer may hold."""
    size = sum(len(content.content) for content in contents)
    if size > MAXIMUM_BYTES:
        raise BadArgumentError(
            f"The payload is too large for a direct method: {size} bytes of logs, GetModuleLogs answers up to "
            f"{MAXIMUM_BYTES}. Ask for less with the filter's tail, since, until, loglevel or regex, or for gzip"
        )
    return [content.document() for content in contents]


def _text(found: Iterable[Record]) -> str:
    return "".join(f"{record.line}\n" for record in found)


def _json(found: Iterable[Record], module: str, device: DeviceName) -> str:
    lines: list[dict[str, Any]] = [
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
    ]
    return json.dumps(lines, ensure_ascii=False)
