"""The service API over HTTPS: addresses, statuses and the token of each request (spec E.1, E.2, G.28).

A GET is never answered 408 or, but while the hub process is away, 5xx: the SDK repeats those (spec G.29).
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from edge_runtime.http_log import HttpLog
from edge_runtime.hub.message import ClientId
from edge_runtime.iothub.service import errors, etags
from edge_runtime.iothub.service.policy import Policy, check_device_token, is_device_token
from edge_runtime.iothub.service.service import IotHub

_MAX_BODY = 4 * 1024 * 1024
_STATUS: dict[type[errors.ServiceError], int] = {
    errors.InvalidRequestError: 400,
    errors.UnauthorizedError: 401,
    errors.QueueDepthError: 403,
    errors.MissingError: 404,
    errors.NotOnlineError: 404,
    errors.ExistsError: 409,
    errors.ChangedError: 412,
    errors.MessageSizeError: 413,
    errors.BadAnswerError: 502,
    errors.UnavailableError: 503,
    errors.NoAnswerError: 504,
}
_MODULE_IDENTITY = "/devices/{device}/modules/{module}"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ServiceApi:
    """`hosts` are the names that a token may be for; the first is the one that callers are told."""

    def __init__(self, iothub: IotHub, policy: Policy, hosts: Sequence[str]) -> None:
        self._iothub = iothub
        self._policy = policy
        self._hosts = hosts

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[_errors_as_json, self._authorized])
        app.add_routes(
            [
                web.get("/devices", self._devices),
                web.post("/devices", self._bulk),
                web.get("/devices/{device}/modules", self._modules),
                web.get("/statistics/{which}", self._statistics),
                web.post("/devices/query", self._query),
                web.get("/configurations", self._configurations),
                web.post("/configurations/testQueries", self._test_queries),
                web.get("/configurations/{name}", self._configuration),
                web.put("/configurations/{name}", self._put_configuration),
                web.delete("/configurations/{name}", self._delete_configuration),
                web.post("/devices/{device}/applyConfigurationContent", self._apply),
                web.post("/devices/{device}/messages/devicebound", self._send),
                web.delete("/devices/{device}/commands", self._purge),
            ]
        )
        for subject in ("/devices/{device}", _MODULE_IDENTITY):
            app.router.add_get(subject, self._identity)
            app.router.add_put(subject, self._put_identity)
            app.router.add_delete(subject, self._delete_identity)
        for subject in ("/twins/{device}", "/twins/{device}/modules/{module}"):
            app.router.add_get(subject, self._twin)
            app.router.add_patch(subject, self._patch_twin)
            app.router.add_put(subject, self._replace_twin)
            app.router.add_post(f"{subject}/methods", self._method)
        return app

    @web.middleware
    async def _authorized(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        header, now = request.headers.get("Authorization"), time.time()
        resource = request.match_info.route.resource
        on_module = resource is not None and resource.canonical == _MODULE_IDENTITY
        if on_module and request.method in ("GET", "PUT") and header and is_device_token(header):
            await self._check_device(request.match_info["device"], header, now)
        else:
            self._policy.check(header, self._hosts, now)
        return await handler(request)

    async def _check_device(self, device: str, header: str, now: float) -> None:
        try:
            identity = await self._iothub.registry.get(ClientId(device))
        except errors.MissingError:
            # Without a good token nobody is told what exists.
            raise errors.UnauthorizedError(f"Authorization: no good token of the device {device!r}") from None
        keys = (identity["authentication"].get("symmetricKey") or {}).values()
        check_device_token(header, device, [*keys], self._hosts, now)

    async def _devices(self, request: web.Request) -> web.Response:
        devices = await self._iothub.registry.devices()
        return web.json_response(devices[: _top(request)])

    async def _bulk(self, request: web.Request) -> web.Response:
        body = await _json(request)
        async with self._iothub.changing:
            result = await self._iothub.bulk(body)
        return web.json_response(result, status=200 if result["isSuccessful"] else 400)

    async def _modules(self, request: web.Request) -> web.Response:
        return web.json_response(await self._iothub.registry.modules(request.match_info["device"]))

    async def _identity(self, request: web.Request) -> web.Response:
        return _document(await self._iothub.registry.get(_subject(request)))

    async def _put_identity(self, request: web.Request) -> web.Response:
        body = await _json(request)
        async with self._iothub.changing:
            return _document(await self._iothub.registry.put(_subject(request), body, _if_match(request)))

    async def _delete_identity(self, request: web.Request) -> web.Response:
        async with self._iothub.changing:
            await self._iothub.registry.delete(_subject(request), _if_match(request))
        return web.Response(status=204)

    async def _twin(self, request: web.Request) -> web.Response:
        return _document(await self._iothub.twins.read(_subject(request)))

    async def _patch_twin(self, request: web.Request) -> web.Response:
        body = await _json(request)
        async with self._iothub.changing:
            twin = await self._iothub.twins.patch(_subject(request), body, _if_match(request))
            await self._iothub.configurations.reconcile()
        return _document(twin)

    async def _replace_twin(self, request: web.Request) -> web.Response:
        body = await _json(request)
        async with self._iothub.changing:
            twin = await self._iothub.twins.replace(_subject(request), body, _if_match(request))
            await self._iothub.configurations.reconcile()
        return _document(twin)

    async def _method(self, request: web.Request) -> web.Response:
        return web.json_response(await self._iothub.invoke(_subject(request), await _json(request)))

    async def _apply(self, request: web.Request) -> web.Response:
        content = await _json(request)
        async with self._iothub.changing:
            await self._iothub.apply(request.match_info["device"], content)
        return web.Response(status=204)

    async def _send(self, request: web.Request) -> web.Response:
        answer = await self._iothub.send(request.match_info["device"], await _json(request))
        return web.json_response(answer, status=201)

    async def _purge(self, request: web.Request) -> web.Response:
        device = request.match_info["device"]
        purged = await self._iothub.purge(device)
        return web.json_response({"totalMessagesPurged": purged, "deviceId": device, "moduleId": None})

    async def _configurations(self, request: web.Request) -> web.Response:
        return web.json_response((await self._iothub.configurations.all())[: _top(request)])

    async def _configuration(self, request: web.Request) -> web.Response:
        return _document(await self._iothub.configurations.get(request.match_info["name"]))

    async def _put_configuration(self, request: web.Request) -> web.Response:
        body, name = await _json(request), request.match_info["name"]
        async with self._iothub.changing:
            return _document(await self._iothub.configurations.put(name, body, _if_match(request)))

    async def _delete_configuration(self, request: web.Request) -> web.Response:
        async with self._iothub.changing:
            await self._iothub.configurations.delete(request.match_info["name"], _if_match(request))
        return web.Response(status=204)

    async def _test_queries(self, request: web.Request) -> web.Response:
        return web.json_response(self._iothub.configurations.test(await _json(request)))

    async def _query(self, request: web.Request) -> web.Response:
        body = await _json(request)
        text = body.get("query") if isinstance(body, dict) else None
        rows = await self._iothub.configurations.query(text)
        first = _number(request.headers.get("x-ms-continuation") or "0", "x-ms-continuation")
        most = _number(request.headers.get("x-ms-max-item-count") or "1000", "x-ms-max-item-count") or 1000
        page = rows[first : first + most]
        headers = {"x-ms-item-type": "Twin" if any("properties" in row for row in page) else "Raw"}
        if first + most < len(rows):
            headers["x-ms-continuation"] = str(first + most)
        return web.json_response(page, headers=headers)

    async def _statistics(self, request: web.Request) -> web.Response:
        counts = await self._iothub.statistics()
        which = request.match_info["which"]
        if which not in ("service", "devices"):
            raise web.HTTPNotFound
        connected = counts.pop("connectedDeviceCount")
        return web.json_response({"connectedDeviceCount": connected} if which == "service" else counts)


def bind(address: str, port: int) -> socket.socket:
    """A listening socket on `port`, or on a free one when that is taken. Raises OSError."""
    try:
        return socket.create_server((address, port))
    except OSError:
        return socket.create_server((address, 0))


async def serve(api: ServiceApi, context: ssl.SSLContext, listening: socket.socket) -> web.AppRunner:
    """Serve; the caller ends it with `cleanup()`, which closes the socket too."""
    runner = web.AppRunner(api.application(), access_log=None, logger=HttpLog(), shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listening, ssl_context=context).start()
    return runner


def _subject(request: web.Request) -> ClientId:
    return ClientId(request.match_info["device"], request.match_info.get("module"))


def _if_match(request: web.Request) -> str | None:
    return etags.wanted(request.headers.get("If-Match"))


def _top(request: web.Request) -> int:
    text = request.query.get("top", "1000")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 1000:
        raise errors.InvalidRequestError("top: a whole number from 1 to 1000")
    return int(text)


def _number(text: str, name: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise errors.InvalidRequestError(f"{name}: a whole number")
    return int(text)


def _document(document: dict[str, Any]) -> web.Response:
    return web.json_response(document, headers={"ETag": f'"{document["etag"]}"'})


async def _json(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise errors.InvalidRequestError(f"the body is not JSON: {error}") from None


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except errors.ServiceError as error:
        body = {"Message": f"ErrorCode:{error.code};{error}", "ExceptionMessage": ""}
        return web.json_response(body, status=_STATUS[type(error)])
    except web.HTTPException as error:
        if error.status < 400:
            raise
        body = {"Message": f"ErrorCode:InvalidOperation;{error.reason}", "ExceptionMessage": ""}
        return web.json_response(body, status=error.status)
