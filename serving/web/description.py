"""The service described: OpenAPI at `/swagger.json`, and the same as a page at `/docs` that loads nothing else."""

from __future__ import annotations

import html
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from serving.scoring import Scoring
from serving.settings import Settings
from serving.web.openapi import document

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h2{border-top:1px solid #ccc;padding-top:1rem}code,pre{font:13px/1.45 ui-monospace,monospace}"
    "pre{background:#f4f4f4;padding:.75rem;overflow:auto}b{background:#246;color:#fff;padding:0 .4rem}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.15rem 1rem .15rem 0;vertical-align:top}"
)


class Description:
    """Written anew for each request: with flighting, the versions change while the service runs."""

    def __init__(self, scoring: Scoring, settings: Settings) -> None:
        self._scoring = scoring
        self._settings = settings

    async def document(self, _: Request) -> Response:
        return Response(json.dumps(self._document()), media_type="application/json")

    async def page(self, _: Request) -> Response:
        headers = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff"}
        return Response(_page(self._document()), headers=headers, media_type="text/html")

    def _document(self) -> dict[str, Any]:
        return document(self._scoring.bundles()[0], self._settings)


def _page(description: dict[str, Any]) -> str:
    info = description["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{_text(info['title'])}</title><style>{_STYLE}</style>",
        f"<h1>{_text(info['title'])} {_text(info['version'])}</h1><p>{_text(info['description'])}</p>",
        "<p>For tools: <a href=/swagger.json>/swagger.json</a> (OpenAPI).</p>",
    ]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if method != "parameters":
                parts.append(_operation(path, method, operation, operations.get("parameters", [])))
    schemas = json.dumps(description["components"]["schemas"], indent=1)
    parts.append(f"<h2>Schemas</h2><pre>{_text(schemas)}</pre></html>")
    return "".join(parts)


def _operation(path: str, method: str, operation: dict[str, Any], shared: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr><td><code>{_text(one['name'])}</code><td>{_text(one['in'])}<td>{_text(one['description'])}"
        for one in (*shared, *operation.get("parameters", []))
        if "name" in one
    ]
    bodies = [
        f"<tr><td>body<td><code>{_text(kind)}</code><td><code>{_text(json.dumps(media.get('example', '')))}</code>"
        for kind, media in operation.get("requestBody", {}).get("content", {}).items()
    ]
    answers = [
        f"<tr><td>{_text(status)}<td colspan=2>{_text(answer.get('description', ''))}"
        for status, answer in operation["responses"].items()
        if "description" in answer
    ]
    key = "" if operation.get("security") == [] else " Needs a key."
    return (
        f"<h2><b>{_text(method.upper())}</b> <code>{_text(path)}</code></h2>"
        f"<p>{_text(operation['summary'])}{key}</p><table>{''.join((*rows, *bodies, *answers))}</table>"
    )


def _text(value: object) -> str:
    return html.escape(str(value))
