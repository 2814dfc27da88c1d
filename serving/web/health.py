"""Is the process alive, can it score, and what has it counted: no key needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from serving.metrics import CONTENT_TYPE, exposition
from serving.web.problem import problem


class Health:
    """Alive: the loop answers. Ready: requests should come here; not while a worker drains."""

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready

    async def live(self, _: Request) -> Response:
        return Response(json.dumps({"live": True}), media_type="application/json")

    async def ready(self, request: Request) -> Response:
        if not self._ready():
            return problem(503, "not ready: send requests elsewhere", request.url.path)
        return Response(json.dumps({"ready": True}), media_type="application/json")

    async def metrics(self, _: Request) -> Response:
        return Response(await asyncio.to_thread(exposition), media_type=CONTENT_TYPE)
