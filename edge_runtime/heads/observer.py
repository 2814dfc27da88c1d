"""The observer API: read-only, for pages, terminal views and tests (docs/runtime-interfaces.md)."""

from __future__ import annotations

import hmac
import json
from typing import Any

from aiohttp import web

from edge_runtime.heads.control import queue_lengths
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId

API_VERSION = 1


class ObserverApi:
    """Handlers of the observer API.

    Args:
        hub: what is watched.
        token: the bearer token that a reader must show.
        instance: tells one start of the hub from the next.
    """

    def __init__(self, hub: EdgeHub, *, token: str, instance: str) -> None:
        self._hub = hub
        self._token = token
        self._instance = instance

    def application(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.get("/v1/snapshot", self._snapshot), web.get("/v1/feed", self._feed)])
        return app

    def _authorize(self, request: web.Request) -> None:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get(
            "token", ""
        )
        if not hmac.compare_digest(shown.encode(errors="replace"), self._token.encode()):
            raise web.HTTPUnauthorized(reason="a bearer token is needed; STATE/endpoints.json has it")

    async def _snapshot(self, request: web.Request) -> web.Response:
        self._authorize(request)
        return web.json_response(self.snapshot())

    def snapshot(self) -> dict[str, Any]:
        """The document of `GET /v1/snapshot`."""
        hub, statistics = self._hub, self._hub.statistics
        return {
            "device": hub.device_id,
            "instance": self._instance,
            "modules": self._modules(),
            "routes": [
                {
                    "name": route.name,
                    "route": route.text,
                    "priority": route.priority,
                    "timeToLiveSecs": route.time_to_live_s,
                    "matched": statistics.matched[route.name],
                }
                for route in hub.router.routes
            ],
            **queue_lengths(hub),
            "dropped": dict(statistics.dropped),
            "stored": statistics.stored,
            "delivered": dict(statistics.delivered),
            "upstreamConnected": hub.upstream.connected,
            "store": hub.admission.describe(),
        }

    def _modules(self) -> dict[str, Any]:
        hub = self._hub
        agent = hub.twins.read(ClientId(hub.device_id, "$edgeAgent"))["reported"].get("modules", {})
        modules = {name: dict(state) for name, state in agent.items() if isinstance(state, dict)}
        for name in hub.identities.modules:
            if not name.startswith("$"):
                client = ClientId(hub.device_id, name)
                modules.setdefault(name, {})["connected"] = hub.connections.is_connected(client)
        return modules

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        types = request.query.get("types")
        subscriber = self._hub.feed.subscribe(types.split(",") if types else None)
        response = web.StreamResponse(
            headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
        )
        try:
            await response.prepare(request)
            hello = {
                "type": "hello",
                "version": API_VERSION,
                "instance": self._instance,
                "device": self._hub.device_id,
                "stored": self._hub.statistics.stored,
            }
            await response.write(json.dumps(hello).encode() + b"\n")
            while True:
                await response.write(await subscriber.get())
        except ConnectionResetError:
            return response
        finally:
            self._hub.feed.unsubscribe(subscriber)
