"""The observer API: read-only, for pages, terminal views and tests (docs/runtime-interfaces.md)."""

from __future__ import annotations

import hmac
import json
from typing import Any

from aiohttp import web

from edge_runtime.heads.json_errors import errors_as_json, json_body
from edge_runtime.heads.snapshot import snapshot
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.explanation import Explainer, message_of
from edge_runtime.hub.sampling import Sampling

API_VERSION = 1
DEFAULT_SAMPLE_BYTES = 1024 * 1024
_MOST_TRACES = 1000
_MOST_SAMPLE_BYTES = 64 * 1024 * 1024
# A body of 256 KiB, in Base64 or as text of which each character is escaped, and its properties.
_MOST_REQUEST_BYTES = 2 * 1024 * 1024


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
        self._explainer = Explainer()

    def application(self) -> web.Application:
        app = web.Application(client_max_size=_MOST_REQUEST_BYTES, middlewares=[errors_as_json])
        app.add_routes(
            [
                web.get("/v1/snapshot", self._snapshot),
                web.get("/v1/feed", self._feed),
                web.post("/v1/explain", self._explain),
            ]
        )
        return app

    def _authorize(self, request: web.Request) -> None:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get(
            "token", ""
        )
        if not hmac.compare_digest(shown.encode(errors="replace"), self._token.encode()):
            raise web.HTTPUnauthorized(reason="a bearer token is needed; STATE/endpoints.json has it")

    async def _snapshot(self, request: web.Request) -> web.Response:
        self._authorize(request)
        return web.json_response(snapshot(self._hub, self._instance))

    async def _explain(self, request: web.Request) -> web.Response:
        self._authorize(request)
        message = message_of(await json_body(request), device_id=self._hub.device_id)
        return web.json_response(await self._explainer.explain(self._hub.router.routes, message))

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        types = request.query.get("types")
        sampling = _sampling(request)
        subscriber = self._hub.feed.subscribe(types.split(",") if types else None, sampling)
        response = web.StreamResponse(
            headers={"Content-Type": "application/x-ndjson", "Cache-Control": "no-store"}
        )
        try:
            await response.prepare(request)
            await response.write(json.dumps(self._hello(sampling)).encode() + b"\n")
            while True:
                await response.write(await subscriber.get())
        except ConnectionResetError:
            return response
        finally:
            self._hub.feed.unsubscribe(subscriber)

    def _hello(self, sampling: Sampling | None) -> dict[str, Any]:
        return {
            "type": "hello",
            "version": API_VERSION,
            "instance": self._instance,
            "device": self._hub.device_id,
            "stored": self._hub.statistics.stored,
            "sampling": sampling
            and {"tracesPerSecond": sampling.traces_per_second, "bytesPerSecond": sampling.bytes_per_second},
        }


def _sampling(request: web.Request) -> Sampling | None:
    """What `sample` and `sampleBytes` ask for. Raises HTTPBadRequest."""
    if "sample" not in request.query:
        if "sampleBytes" in request.query:
            raise web.HTTPBadRequest(reason="sampleBytes: means nothing without sample")
        return None
    return Sampling(
        _whole(request, "sample", 1, _MOST_TRACES),
        _whole(request, "sampleBytes", 0, _MOST_SAMPLE_BYTES, DEFAULT_SAMPLE_BYTES),
    )


def _whole(request: web.Request, name: str, least: int, most: int, default: int | None = None) -> int:
    text = request.query.get(name)
    if text is None and default is not None:
        return default
    # Longer ones are too large, whatever they say.
    if text is not None and text.isascii() and text.isdigit() and len(text) <= len(str(most)):
        number = int(text)
        if least <= number <= most:
            return number
    raise web.HTTPBadRequest(reason=f"{name}: a whole number from {least} to {most}")
