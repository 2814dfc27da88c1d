"""JSON in and out; the one place where errors of the page's API become HTTP: `{"message"}` and a status.

RequestError
└── RuntimeAwayError    503: the hub does not answer; it is started again by the runtime
"""

from __future__ import annotations

import json
import logging
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from edge_runtime.page.json_bytes import encode

_log = logging.getLogger(__name__)


class RequestError(Exception):
    """A request that is refused; `str()` is what the asker is told."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RuntimeAwayError(RequestError):
    """Nobody answers behind the page."""

    def __init__(self, message: str) -> None:
        super().__init__(503, message)


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An error of the page's own is logged, and tells the asker nothing of the inside."""
    try:
        return await handler(request)
    except RequestError as error:
        return web.json_response({"message": str(error)}, status=error.status)
    except web.HTTPException as error:
        headers = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
        return web.json_response({"message": error.reason}, status=error.status, headers=headers)
    except Exception:  # noqa: BLE001 - a page that fails never harms the run
        _log.exception("the page failed at %s %s", request.method, request.path)
        return web.json_response({"message": "the page failed; the log of edgeAgent says how"}, status=500)


def answer(document: Any) -> web.Response:
    """What was asked for."""
    return web.Response(body=encode(document), content_type="application/json")


async def json_body(request: web.Request) -> Any:
    """The request's document. Raises RequestError."""
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise RequestError(400, f"the body is not JSON: {error}") from None
