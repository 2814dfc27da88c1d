"""The control API on a unix socket (docs/runtime-interfaces.md, "Control API")."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from aiohttp import web

from edge_runtime.heads.json_errors import errors_as_json, json_body
from edge_runtime.heads.method_call import answer, parse_call
from edge_runtime.heads.workload_sockets import WorkloadSockets
from edge_runtime.hub.configuration import (
    apply_configuration,
    patch_desired,
    replace_desired,
)
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.facts import registered
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.queue_store import rank_priority
from edge_runtime.hub.registration import register, register_devices, unregister

_MAX_BODY = 4 * 1024 * 1024
_LEAST_RESPONSE_S = 1.0


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
        app = web.Application(client_max_size=_MAX_BODY, middlewares=[errors_as_json])
        app.add_routes(
            [
                web.get("/health", self._health),
                web.put("/configuration", self._configure),
                web.get("/identities", self._identities),
                web.get("/queues", self._queues),
                web.get("/upstream", self._upstream),
                web.put("/upstream", self._switch_upstream),
                web.put("/devices", self._put_devices),
                web.patch("/modules/{module}/twin/reported", self._patch_reported),
                web.delete("/modules/{module}/identity", self._delete_identity),
                web.delete("/devices/{device}/identity", self._delete_identity),
            ]
        )
        for client in ("/device", "/modules/{module}", "/devices/{device}"):
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
        store = self._hub.admission.describe()
        return web.json_response({"status": "ok", "instance": self.instance, "store": store})

    async def _configure(self, request: web.Request) -> web.Response:
        document = await json_body(request)
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
        return web.json_response(self._hub.twins.read(self._client(request)))

    async def _patch_desired(self, request: web.Request) -> web.Response:
        client, patch = self._client(request), await json_body(request)
        async with self._configuring:
            version = await patch_desired(self._hub, client, patch)
        return web.json_response({"version": version})

    async def _replace_desired(self, request: web.Request) -> web.Response:
        client, section = self._client(request), await json_body(request)
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
                "deployed": self._hub.facts.get(registered(identity.client)) is None,
            }
            for identity in self._hub.identities
            if identity.client.device == self._hub.device_id
        ]
        connections = self._hub.connections
        devices = {client.device: connections.is_connected(client) for client in self._hub.identities.devices}
        return web.json_response({"identities": entries, "devices": devices})

    async def _put_devices(self, request: web.Request) -> web.Response:
        document = await json_body(request)
        async with self._configuring:
            await register_devices(self._hub, document.get("devices") if isinstance(document, dict) else None)
        return web.json_response({})

    async def _put_identity(self, request: web.Request) -> web.Response:
        client, keys = self._named(request), await json_body(request)
        async with self._configuring:
            await register(self._hub, client, keys)
        return web.json_response({})

    async def _delete_identity(self, request: web.Request) -> web.Response:
        client = self._client(request)
        async with self._configuring:
            await unregister(self._hub, client)
        return web.json_response({})

    async def _patch_reported(self, request: web.Request) -> web.Response:
        version = await self._hub.report(self._client(request), await json_body(request))
        return web.json_response({"version": version})

    async def _method(self, request: web.Request) -> web.Response:
        client = self._client(request)
        call = parse_call(await json_body(request), least_response_s=_LEAST_RESPONSE_S)
        document = await answer(self._hub, client, call, caller="upstream")
        return web.Response(body=document, content_type="application/json")

    async def _queues(self, _request: web.Request) -> web.Response:
        return web.json_response(queue_lengths(self._hub))

    async def _upstream(self, _request: web.Request) -> web.Response:
        return web.json_response({"connected": not self._hub.upstream_switched_off})

    async def _switch_upstream(self, request: web.Request) -> web.Response:
        document = await json_body(request)
        connected = document.get("connected") if isinstance(document, dict) else None
        if not isinstance(connected, bool):
            raise web.HTTPBadRequest(reason='write {"connected": true} or {"connected": false}')
        self._hub.switch_upstream(on=connected)
        return await self._upstream(request)

    def _named(self, request: web.Request) -> ClientId:
        names = request.match_info
        return ClientId(names.get("device", self._hub.device_id), names.get("module"))

    def _client(self, request: web.Request) -> ClientId:
        client = self._named(request)
        identity = self._hub.identities.get(client)
        if identity is None and client.module is None:
            raise web.HTTPNotFound(reason=f"no device {client.device!r}")
        if identity is None:
            known = ", ".join(sorted(self._hub.identities.modules))
            raise web.HTTPNotFound(reason=f"no module {client.module!r}; there are: {known}")
        return identity.client
