"""JSON Schemas (draft 2020-12) of the messages: `python -m module_kit.message_schemas docs/messages`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from module_kit.credit import Credit
from module_kit.event import Event
from module_kit.frame import CONTENT_TYPES, PATTERNS
from module_kit.json_message import MessageBody
from module_kit.message import MAXIMUM_BODY_BYTES
from module_kit.prediction import Prediction
from module_kit.summary import Summary

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def message_schemas() -> dict[str, dict[str, Any]]:
    """File name to schema. `frame-1.json` describes a message without its body, the others a JSON body."""
    return {
        "frame-1.json": _frame(),
        "prediction-1.json": _body(Prediction),
        "credit-1.json": _body(Credit),
        "event-1.json": _body(Event),
        "summary-1.json": _body(Summary),
    }


def _body(model: type[MessageBody]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True)
    for part in [schema, *schema.get("$defs", {}).values()]:
        _as_sent(part)
    if model is Event:
        _result_or_failure(schema["$defs"]["Prediction"])
    if model is Prediction:
        _result_or_failure(schema)
    return {"$schema": _DIALECT, **schema}


def _as_sent(part: dict[str, Any]) -> None:
    """What is None is left out of a body, so null is no value, and `schema` is always there."""
    optional = {name for name, field in part["properties"].items() if field.get("default", 0) is None}
    part["description"] = part["description"].partition("\n\n")[0]  # the rest is for programmers
    part["required"] = [name for name in part["properties"] if name not in optional]
    for name, field in part["properties"].items():
        field.pop("default", None)
        field.pop("title", None)
        if name in optional and "anyOf" in field:
            field.update(next(option for option in field.pop("anyOf") if option.get("type") != "null"))


def _result_or_failure(part: dict[str, Any]) -> None:
    nothing: dict[str, Any] = {
        "not": {"anyOf": [{"required": [name]} for name in ("top", "abstained", "reason")]}
    }
    part["oneOf"] = [
        {"required": ["error"], **nothing},
        {"required": ["top", "abstained"], "not": {"required": ["error"]}},
    ]


def _frame() -> dict[str, Any]:
    texts: dict[str, Any] = {
        name: {"type": "string", "pattern": f"^(?:{pattern.pattern})$"} for name, pattern in PATTERNS.items()
    }
    return {
        "$schema": _DIALECT,
        "title": "Frame",
        "description": f"A message whose body is one encoded image of 1 to {MAXIMUM_BODY_BYTES} bytes.",
        "type": "object",
        "required": ["systemProperties", "properties"],
        "properties": {
            "systemProperties": {
                "type": "object",
                "required": ["messageId", "contentType"],
                "properties": {
                    "messageId": {
                        "description": "source.boot.sequence",
                        "type": "string",
                        "pattern": r"^[A-Za-z0-9_-]{1,32}\.[A-Za-z0-9]{1,32}\.(?:0|[1-9][0-9]{0,15})$",
                    },
                    "contentType": {"enum": sorted(CONTENT_TYPES)},
                },
            },
            "properties": {
                "type": "object",
                "required": ["schema", *texts],
                "properties": {
                    "schema": {"const": "frame/1"},
                    **texts,
                    "label": {
                        "description": "The class's name, when the source knows the truth.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 64,
                    },
                },
            },
        },
    }


def main() -> None:
    folder = Path(sys.argv[1])
    for name, schema in message_schemas().items():
        (folder / name).write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
