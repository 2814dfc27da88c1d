"""The OpenAPI 3.1 document of the service, with the served model's labels and the settings' limits in it."""

from __future__ import annotations

from typing import Any

from image_classifier.bundle import Bundle
from serving.settings import Settings
from serving.web.openapi_schemas import schemas
from serving.web.pictures import DEFAULT_TOP_K, MAX_TOP_K

_OPEN: list[dict[str, list[str]]] = []
_TOP_K = {
    "name": "top_k",
    "in": "query",
    "description": "Labels of a picture in the answer, at most.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_TOP_K, "default": DEFAULT_TOP_K},
}
_FLIGHT = [
    {
        "name": "X-Flight-Key",
        "in": "header",
        "description": "Requests with the same key are answered by the same version.",
        "schema": {"type": "string", "maxLength": 256},
    },
    {
        "name": "X-Model-Version",
        "in": "header",
        "description": "The version that must answer; 404 if it is not served.",
        "schema": {"type": "string", "maxLength": 256},
    },
]
_PROBLEMS = {
    "400": "The request breaks its contract.",
    "401": "No key, or not a valid one.",
    "404": "No such path, model or version.",
    "408": "The body did not come in time.",
    "413": "The body, a picture, or the number of pictures or of JSON values is too large.",
    "415": "A media type, coding or picture format that is not read.",
    "422": "A value cannot be used: base64, a damaged picture, a number out of range.",
    "429": "Too much is waiting; Retry-After says when to come back.",
    "431": "The head of the request is too large.",
    "503": "Not ready, or the process ended before it had answered.",
}
_MODEL = {
    "name": "model",
    "in": "path",
    "required": True,
    "description": "Name of a model.",
}
_VERSION = {"name": "version", "in": "path", "required": True, "description": "Version of it."}
_PICTURE = {"schema": {"type": "string", "format": "binary"}}


def document(bundle: Bundle, settings: Settings) -> dict[str, Any]:
    """The description of a service that serves `bundle` first."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Image classification: {bundle.name}",
            "version": bundle.version,
            "description": f"{bundle.description} JPEG and PNG, at most {settings.picture_bytes} bytes and "
            f"{settings.picture_pixels} pixels each; a body has at most {settings.body_bytes} bytes.",
        },
        "security": [{"key": []}],
        "paths": {**_score_paths(), **_skill_path(), **_v2_paths(bundle), **_plain_paths()},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas(bundle, settings),
            "responses": {status: _problem(text) for status, text in _PROBLEMS.items()},
        },
    }


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": _ref("Problem")}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def _responses(name: str, *problems: str) -> dict[str, Any]:
    found = {status: {"$ref": f"#/components/responses/{status}"} for status in (*problems, "431")}
    return {"200": {"description": "Success.", "content": _json(name)}, **found}


_ALL = ("400", "401", "404", "408", "413", "415", "422", "429", "503")


def _score(operation_id: str) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": "Labels of pictures: JSON gets one label a file, a picture or a form the best labels.",
        "parameters": [_TOP_K, *_FLIGHT],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _ref("Files"), "example": {"cat.jpg": "<base64>"}},
                "image/jpeg": _PICTURE,
                "image/png": _PICTURE,
                "application/octet-stream": _PICTURE,
                "multipart/form-data": {"schema": _ref("Form")},
            },
        },
        "responses": {
            **_responses("Scores", *_ALL),
        },
    }


def _score_paths() -> dict[str, Any]:
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "Name that the service was deployed under; any is taken.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9-]+$"},
    }
    return {
        "/score": {"post": _score("score")},
        "/api/v1/service/{name}/score": {"parameters": [name], "post": _score("scoreService")},
    }


def _skill_path() -> dict[str, Any]:
    example = {"values": [{"recordId": "1", "data": {"image": {"$type": "file", "data": "<base64>"}}}]}
    operation = {
        "operationId": "skill",
        "summary": "The custom skill of Azure AI Search: an answer, errors and warnings for each record.",
        "parameters": _FLIGHT,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("SkillRequest"), "example": example}},
        },
        "responses": _responses("SkillAnswer", *(status for status in _ALL if status != "422")),
    }
    return {"/skills/image-classification": {"post": operation}}


def _v2_paths(bundle: Bundle) -> dict[str, Any]:
    paths: dict[str, Any] = {
        "/v2": {"get": _get("v2Server", "Server metadata.", "V2Server", "401")},
        "/v2/health/live": {"get": _get("v2Live", "Whether the process is alive.", "V2Live", security=_OPEN)},
        "/v2/health/ready": {
            "get": _get("v2Ready", "Whether requests should come here.", "V2Ready", "503", security=_OPEN)
        },
    }
    model = {**_MODEL, "schema": {"type": "string", "enum": [bundle.name]}}
    version = {**_VERSION, "schema": {"type": "string", "enum": [bundle.version]}}
    for path, parameters, suffix in (
        ("/v2/models/{model}", [model], ""),
        ("/v2/models/{model}/versions/{version}", [model, version], "Version"),
    ):
        paths[path] = {
            "parameters": parameters,
            "get": _get(f"v2Model{suffix}", "Inputs and outputs of a model.", "V2Model", "401", "404"),
        }
        paths[f"{path}/ready"] = {
            "parameters": parameters,
            "get": _get(
                f"v2ModelReady{suffix}",
                "Whether a model is ready.",
                "V2ModelReady",
                "404",
                "503",
                security=_OPEN,
            ),
        }
        paths[f"{path}/infer"] = {"parameters": parameters, "post": _infer(f"v2Infer{suffix}")}
    return paths


def _infer(operation_id: str) -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "summary": "Inference of the Open Inference Protocol, with its binary tensor extension.",
        "parameters": _FLIGHT,
        "requestBody": {"required": True, "content": _json("V2Request")},
        "responses": _responses("V2Answer", *_ALL),
    }


def _plain_paths() -> dict[str, Any]:
    def plain(operation_id: str, summary: str, media_type: str) -> dict[str, Any]:
        content = {media_type: {"schema": {"type": "object" if media_type.endswith("json") else "string"}}}
        responses = {
            "200": {"description": "Success.", "content": content},
            "431": {"$ref": "#/components/responses/431"},
        }
        return {
            "get": {
                "operationId": operation_id,
                "summary": summary,
                "security": _OPEN,
                "responses": responses,
            }
        }

    return {
        "/metrics": plain("metrics", "Metrics of all workers, in Prometheus' text format.", "text/plain"),
        "/swagger.json": plain("openapi", "This document.", "application/json"),
        "/docs": plain("docs", "This document as a page.", "text/html"),
    }


def _get(
    operation_id: str,
    summary: str,
    schema: str,
    *problems: str,
    security: list[dict[str, list[str]]] | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation_id,
        "summary": summary,
        "responses": _responses(schema, *problems),
    }
    if security is not None:
        found["security"] = security
    return found
