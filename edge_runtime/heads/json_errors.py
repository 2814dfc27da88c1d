"""The one place where the hub's errors become HTTP: `{"message"}` and a status."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from edge_runtime.heads.method_call import BadAnswerError, InvalidCallError
from edge_runtime.hub.configuration import InvalidConfigurationError
from edge_runtime.hub.explanation import InvalidMessageError
from edge_runtime.hub.methods import MethodTargetMissingError, MethodTimeoutError
from edge_runtime.hub.ports import HubError, InvalidTwinError, NotReadyError
from edge_runtime.hub.registration import InvalidIdentityError

_STATUS: dict[type[HubError], int] = {
    InvalidCallError: 400,
    InvalidConfigurationError: 400,
    InvalidIdentityError: 400,
    InvalidMessageError: 400,
    InvalidTwinError: 400,
    MethodTargetMissingError: 404,
    BadAnswerError: 502,
    NotReadyError: 503,
    MethodTimeoutError: 504,
}


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"message": error.reason}, status=error.status)
    except HubError as error:
        status = _STATUS.get(type(error))
        if status is None:
            raise
        return web.json_response({"message": str(error)}, status=status)


async def json_body(request: web.Request) -> Any:
    """The request's document. Raises HTTPBadRequest."""
    try:
        return json.loads(await request.read())
    except web.HTTPRequestEntityTooLarge as error:
        error.set_status(413, f"the body: at most {request.client_max_size} bytes")
        raise
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(reason=f"the body is not JSON: {error}") from None
