"""Direct methods from module to module, over HTTPS on 443 (spec B.9)."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import unquote_plus

from aiohttp import web

from edge_runtime.heads.json_errors import json_body
from edge_runtime.heads.method_call import answer, parse_call
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError

logger = logging.getLogger(__name__)

_CALLER = "x-ms-edge-moduleId"
_LEAST_RESPONSE_S = 5.0
_BODY_TIMEOUT_S = 20.0


class ModuleMethods:
    """`POST /twins/{device}[/modules/{module}]/methods` by modules of this device, with their token."""

    def __init__(self, hub: EdgeHub) -> None:
        self._hub = hub

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/twins/{device}/methods", self._invoke),
            web.post("/twins/{device}/modules/{module}/methods", self._invoke),
        ]

    async def _invoke(self, request: web.Request) -> web.Response:
        # Nothing of a stranger's body is read.
        caller = self._caller(request)
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_S):
                document = await json_body(request)
        except TimeoutError:
            self._hub.drop(caller, "slow_request", f"{request.remote}: no body within {_BODY_TIMEOUT_S:g} s")
            raise web.HTTPRequestTimeout(reason="the body did not come in time") from None
        call = parse_call(document, least_response_s=_LEAST_RESPONSE_S)
        target = _target(request)
        known = self._hub.identities.get(target)
        try:
            body = await answer(self._hub, known.client if known else target, call, caller=str(caller))
        except asyncio.CancelledError:
            self._hub.drop(
                caller,
                "method_abandoned",
                f"the caller of {call.name!r} on {target} went away before the answer: the Python SDK waits 10 s, "
                f"whatever responseTimeoutInSeconds ({call.response_timeout_s:g}) says",
            )
            raise
        return web.Response(body=body, content_type="application/json", charset="utf-8")

    def _caller(self, request: web.Request) -> ClientId:
        """Who calls. Raises HTTPBadRequest, HTTPUnauthorized, NotReadyError."""
        device, slash, module = request.headers.get(_CALLER, "").partition("/")
        if not slash or not device or not module or "/" in module:
            self._hub.drop(None, "bad_request", f"{request.remote}: no caller named by {_CALLER}")
            raise web.HTTPBadRequest(reason=f"{_CALLER}: DEVICE/MODULE of the caller is needed")
        caller = ClientId(device, module)
        try:
            self._authenticate(caller, request.headers.get("Authorization", ""))
        except AuthenticationError as error:
            self._hub.drop(None, "not_authenticated", f"{request.remote}: {error}")
            raise web.HTTPUnauthorized(
                reason=f"the token is not one of the caller that {_CALLER} names"
            ) from None
        return caller

    def _authenticate(self, caller: ClientId, token: str) -> None:
        # A leaf device's token would be good, but edgeHub lets modules of its own device call, and nobody else.
        if caller.device != self._hub.device_id:
            raise AuthenticationError(str(caller), "wrong_device")
        self._hub.authenticate(caller, token)


def _target(request: web.Request) -> ClientId:
    """From the path as it was sent: Python writes a blank as plus, Node as %20, and both a plus as %2B."""
    segments = [unquote_plus(segment) for segment in request.rel_url.raw_path.split("/")]
    return ClientId(segments[2], segments[4] if len(segments) == 6 else None)
