"""The schemas that the OpenAPI document refers to."""

from __future__ import annotations

from typing import Any

from image_classifier.bundle import Bundle
from serving.settings import Settings
from serving.web.v2.messages import InferRequest
from serving.web.v2.tensors import DATATYPES, INPUT

_TEXT = {"type": "string"}
_BASE64 = {
    "type": "string",
    "contentEncoding": "base64",
    "pattern": "^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}


def schemas(bundle: Bundle, settings: Settings) -> dict[str, Any]:
    """All schemas by name, for a service that serves `bundle` first."""
    label = {"type": "string", "enum": list(bundle.labels)}
    probability = {"type": "number", "minimum": 0, "maximum": 1}
    top = _list(_object(label=label, probability=probability))
    model = _object(name=_TEXT, version=_TEXT, sha256=_TEXT)
    verdict = {"top": top, "abstained": {"type": "boolean"}, "reason": {"type": ["string", "null"]}}
    message = _list(_object(message=_TEXT))
    return {
        "Problem": _problem(),
        "Files": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": settings.pictures,
            "additionalProperties": _BASE64,
        },
        "Form": {
            "type": "object",
            "properties": {
                "image": {"type": "string", "format": "binary"},
                "top_k": {"type": "integer", "minimum": 1, "maximum": 100},
            },
            "required": ["image"],
            "additionalProperties": False,
        },
        "Scores": {
            "oneOf": [
                {"type": "array", "items": {"type": "object", "additionalProperties": label}},
                _object(model=model, predictions=_list(_object(name=_TEXT, **verdict))),
            ]
        },
        "SkillRequest": _skill_request(settings),
        "SkillAnswer": _object(
            values=_list(_object(recordId=_TEXT, data={"type": "object"}, errors=message, warnings=message))
        ),
        **_v2(bundle),
    }


def _problem() -> dict[str, Any]:
    found = _object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT)
    found["properties"] |= {"code": _TEXT, "traceId": _TEXT, "error": _TEXT}
    return found


def _skill_request(settings: Settings) -> dict[str, Any]:
    picture = {"oneOf": [_BASE64, {"type": "object", "properties": {"data": _BASE64}, "required": ["data"]}]}
    record = _object(
        recordId={"type": "string", "minLength": 1},
        data={"type": "object", "properties": {"image": picture, "file_data": picture}},
    )
    return _object(values={**_list(record), "minItems": 1, "maxItems": settings.pictures})


def _v2(bundle: Bundle) -> dict[str, Any]:
    request = InferRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    parts = request.pop("$defs")
    tensor = parts["InputTensor"]["properties"]
    tensor["name"] = {"const": INPUT}
    tensor["datatype"] = {"enum": list(dict.fromkeys(("BYTES", "UINT8", DATATYPES[bundle.input.dtype])))}
    described = _list(_object(name=_TEXT, datatype=_TEXT, shape=_list({"type": "integer"})))
    true = {"type": "boolean"}
    return {
        "V2Request": request,
        **parts,
        "V2Answer": _object(model_name=_TEXT, model_version=_TEXT, outputs=_list({"type": "object"})),
        "V2Server": _object(name=_TEXT, version=_TEXT, extensions=_list(_TEXT)),
        "V2Live": _object(live=true),
        "V2Ready": _object(ready=true),
        "V2ModelReady": _object(name=_TEXT, ready=true),
        "V2Model": _object(
            name=_TEXT, versions=_list(_TEXT), platform=_TEXT, inputs=described, outputs=described
        ),
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}
