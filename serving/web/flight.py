"""`GET /flight`: the plan that is flown and what came of it so far; a key is needed."""

from __future__ import annotations

import asyncio
import json

from starlette.requests import Request
from starlette.responses import Response

from serving.flighting.scoring import FlightedScoring


class FlightInterface:
    """There is such a path only where a plan is flown."""

    def __init__(self, scoring: FlightedScoring) -> None:
        self._scoring = scoring

    async def get(self, _: Request) -> Response:
        document = await asyncio.to_thread(self._scoring.status)
        return Response(json.dumps(document), media_type="application/json")
