"""The control API on a unix socket (docs/runtime-interfaces.md, "Control API")."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from edge_runtime.heads.workload_sockets import WorkloadSockets
from edge_runtime.hub.configuration import (
    InvalidConfigurationError,
    apply_configuration,
    patch_desired,
    replace_desired,
)
from edge_runtime.hub.edge_hub import EdgeHub, registered
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.methods import MethodTargetMissingError, MethodTimeoutError
from edge_runtime.hub.ports import InvalidTwinError
from edge_runtime.hub.queue_store import rank_priority
from edge_runtime.hub.registration import InvalidIdentityError, register, unregister

_MAX_BODY = 4 * 1024 * 1024
_MAX_METHOD_PAYLOAD = 128 * 1024
# It becomes part of an MQTT topic as it is.
_METHOD_NAME = re.compile(r"[^/#+\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,100}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def queue_lengths(hub: EdgeHub) -> dict[str, Any]:
    """`{"queues": [{"endpoint", "priority", "length"}], "unacknowledged": n}`."""
    endpoints = hub.endpoints
    return {
        "queues": [
            {"endpoint": e.queues.name, "priority": rank_priority(rank), "length": length}
            for e in endpoints
            for rank, length in e.queues.lengths.items()
        ],
        "unacknowledged": sum(e.unconfirmed for e in endpoints),
    }


class ControlApi:
    """Handlers of the control API; `instance` tells one start of the hub from the next."""

    def __init__(self, hub: EdgeHub, sockets: WorkloadSockets) -> None:
        self.instance = secrets.token_hex(8)
        self._hub = hub
        self._sockets = sockets
        self._configuring = asyncio.Lock()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.get("/health", self._health),
                web.put("/configuration", self._configure),
                web.get("/identities", self._identities),
                web.get("/queues", self._queues),
                web.patch("/modules/{module}/twin/reported", self._patch_reported),
                web.delete("/modules/{module}/identity", self._delete_identity),
            ]
        )
        for client in ("/device", "/modules/{module}"):
            app.add_routes(
                [
                    web.get(f"{client}/twin", self._twin),
                    web.patch(f"{client}/twin/desired", self._patch_desired),
                    web.put(f"{client}/twin/desired", self._replace_desired),
                    web.post(f"{client}/methods", self._method),
                    web.put(f"{client}/identity", self._put_identity),
                ]
            )
        return app

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "instance": self.instance})

    async def _configure(self, request: web.Request) -> web.Response:
        document = await _json(request)
        async with self._configuring:
            modules = await apply_configuration(self._hub, document)
            await self._sockets.serve(modules)
        answer = {}
        for module in modules:
            identity = self._hub.identities.get(ClientId(self._hub.device_id, module))
            if identity is not None:
                answer[module] = {
                    "generationId": identity.generation_id,
                    "workloadUri": self._sockets.uri(module),
                }
        return web.json_response({"modules": answer})

    async def _twin(self, request: web.Request) -> web.Response:
        return web.json_response(self._hub.twin(self._client(request)))

    async def _patch_desired(self, request: web.Request) -> web.Response:
        client, patch = self._client(request), await _json(request)
        async with self._configuring:
            version = await patch_desired(self._hub, client, patch)
        return web.json_response({"version": version})

    async def _replace_desired(self, request: web.Request) -> web.Response:
        client, section = self._client(request), await _json(request)
        async with self._configuring:
            version = await replace_desired(self._hub, client, section)
        return web.json_response({"version": version})

    async def _identities(self, _request: web.Request) -> web.Response:
        entries = [
            {
                "module": identity.client.module,
                "generationId": identity.generation_id,
                "primaryKey": identity.primary_key,
                "secondaryKey": identity.secondary_key,
                "connected": self._hub.connections.is_connected(identity.client),
                "deployed": self._hub.meta(registered(identity.client)) is None,
            }
            for identity in self._hub.identities
        ]
        return web.json_response({"identities": entries})

    async def _put_identity(self, request: web.Request) -> web.Response:
        client, keys = self._named(request), await _json(request)
        async with self._configuring:
            await register(self._hub, client, keys)
        return web.json_response({})

    async def _delete_identity(self, request: web.Request) -> web.Response:
        client = self._client(request)
        async with self._configuring:
            await unregister(self._hub, client)
        return web.json_response({})

    async def _patch_reported(self, request: web.Request) -> web.Response:
        version = await self._hub.report(self._client(request), await _json(request))
        return web.json_response({"version": version})

    async def _method(self, request: web.Request) -> web.Response:
        client = self._client(request)
        call = await _json(request)
        name = call.get("methodName") if isinstance(call, dict) else None
        if not isinstance(name, str) or not _METHOD_NAME.fullmatch(name):
            raise web.HTTPBadRequest(reason="methodName: a text of 1 to 100 characters that a topic can hold")
        payload = json.dumps(call.get("payload")).encode()
        if len(payload) > _MAX_METHOD_PAYLOAD:
            raise web.HTTPBadRequest(reason=f"payload: at most {_MAX_METHOD_PAYLOAD} bytes")
        result = await self._hub.invoke(
            client,
            name,
            payload,
            response_timeout_s=_seconds(call, "responseTimeoutInSeconds", 30, 1, 300),
            connect_timeout_s=_seconds(call, "connectTimeoutInSeconds", 0, 0, 300),
        )
        try:
            answer = json.loads(result.payload or b"null")
        except ValueError as error:
            raise web.HTTPBadGateway(reason=f"the answer of {client} is not JSON") from error
        return web.json_response({"status": result.status, "payload": answer})

    async def _queues(self, _request: web.Request) -> web.Response:
        return web.json_response(queue_lengths(self._hub))

    def _named(self, request: web.Request) -> ClientId:
        return ClientId(self._hub.device_id, request.match_info.get("module"))

    def _client(self, request: web.Request) -> ClientId:
        client = self._named(request)
        identity = self._hub.identities.get(client)
        if identity is None:
            known = ", ".join(sorted(self._hub.identities.modules))
            raise web.HTTPNotFound(reason=f"no module {client.module!r}; there are: {known}")
        return identity.client


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except json.JSONDecodeError as error:
        raise web.HTTPBadRequest(reason=f"the body is not JSON: {error}") from None


def _seconds(call: dict[str, Any], name: str, default: float, least: float, most: float) -> float:
    value = call.get(name, default)
    if not isinstance(value, (int, float)) or not least <= value <= most:
        raise web.HTTPBadRequest(reason=f"{name}: a number from {least:g} to {most:g}")
    return float(value)


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    # The one place where the hub's errors become HTTP.
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.json_response({"message": error.reason}, status=error.status)
    except (InvalidConfigurationError, InvalidTwinError, InvalidIdentityError) as error:
        return web.json_response({"message": str(error)}, status=400)
    except MethodTargetMissingError as error:
        return web.json_response({"message": str(error)}, status=404)
    except MethodTimeoutError as error:
        return web.json_response({"message": str(error)}, status=504)
