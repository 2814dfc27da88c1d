"""Messages written as JSON, for the `evaluate` and `explain` commands.

    {"app": {"alert": "yes"}, "sys": {"contentType": "application/json", "contentEncoding": "utf-8"},
     "body": {"temperature": 31}, "module": "camera", "output": "frames"}

Every field may be missing. A `body` that is a JSON string is the body's text as it is, so that broken JSON
can be written too; any other value is written out as JSON; null, or none, is an empty body. Text becomes
bytes by the message's `contentEncoding`, UTF-8 when it names none that the language knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from edge_runtime.routing.body import ENCODINGS
from edge_runtime.routing.message import Properties
from edge_runtime.routing.values import fold


class MessageJsonError(ValueError):
    """A message that cannot be read; names the field and the mend."""


class JsonMessage(NamedTuple):
    """A message as `RoutingMessage`."""

    source: str
    app: Properties
    sys: Properties
    body: bytes


def parse_message(document: object) -> JsonMessage:
    """Read a message. Unknown fields are ignored. Raises MessageJsonError."""
    if not isinstance(document, dict):
        raise MessageJsonError("a message is a JSON object: write {...}")
    app = _properties(document, "app")
    sys = _properties(document, "sys")
    module = _name(document, "module")
    output = _name(document, "output")
    if output is not None and module is None:
        raise MessageJsonError('"output" needs "module": only modules have outputs')
    given = {fold(name) for name in sys}
    for name, value in (("connectionModuleId", module), ("outputName", output)):
        if value is not None and fold(name) not in given:
            sys[name] = value
    return JsonMessage(_source(module, output), app, sys, _body(document.get("body"), sys))


def _properties(document: Mapping[str, object], field: str) -> dict[str, str | None]:
    properties = document.get(field)
    if properties is None:
        return {}
    if not isinstance(properties, dict):
        raise MessageJsonError(f'"{field}" is {json.dumps(properties)}: write an object of names and texts')
    for name, value in properties.items():
        if value is not None and not isinstance(value, str):
            shown = json.dumps(value)
            raise MessageJsonError(f'"{field}.{name}" is {shown}: properties are text, write "{value}"')
    return dict(properties)


def _name(document: Mapping[str, object], field: str) -> str | None:
    name = document.get(field)
    if name is not None and not isinstance(name, str):
        raise MessageJsonError(f'"{field}" is {json.dumps(name)}: write a name as text')
    return name or None


def _source(module: str | None, output: str | None) -> str:
    if module is None:
        return "/messages/"
    return f"/messages/modules/{module}/" + (f"outputs/{output}/" if output else "")


def _body(body: object, sys: Properties) -> bytes:
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    declared = next((value for name, value in sys.items() if fold(name) == "CONTENTENCODING"), None)
    codec = ENCODINGS.get((declared or "").lower(), "utf-8")
    return text.encode(codec, "surrogatepass" if codec.startswith("utf-16") else "replace")
