"""All paths of the service, joined to what answers them."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.errors import OverloadedError, ServingError
from serving.flighting.scoring import FlightedScoring
from serving.keys import KeyRing
from serving.metrics import DROPPED
from serving.scoring import Scoring
from serving.settings import Settings
from serving.web.body import BodyReader
from serving.web.description import Description
from serving.web.flight import FlightInterface
from serving.web.gate import LOGGED_PATH_CHARACTERS, Gate
from serving.web.health import Health
from serving.web.intake import HeldPictures, Intake
from serving.web.problem import problem_of
from serving.web.score import ScoreInterface
from serving.web.skill import SkillInterface
from serving.web.v2.interface import V2Interface

_log = logging.getLogger(__name__)

_OPEN = re.compile(
    r"/v2/health/(live|ready)|/v2/models/[^/]+(/versions/[^/]+)?/ready|/metrics|/swagger\.json|/docs"
)
"""Paths that need no key."""

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Service:
    """The application of one worker, and what stops it from getting requests."""

    gate: Gate
    scoring: Scoring

    @property
    def ready(self) -> bool:
        return self.scoring.ready and not self.gate.draining


def build(settings: Settings, keys: KeyRing, scoring: Scoring) -> Service:
    """The application over `scoring`, which is entered and left by whoever runs it."""
    bodies = BodyReader(settings.body_bytes, settings.buffered_bytes, settings.body_timeout_s)
    intake = Intake(bodies, HeldPictures(settings.buffered_bytes), settings.pictures, settings.json_values)
    score = ScoreInterface(scoring, intake)
    skill = SkillInterface(scoring, intake)
    v2 = V2Interface(scoring, intake)
    health = Health(lambda: service.ready)
    description = Description(scoring, settings)
    model = "/v2/models/{model}"

    def _scores(interface: str, path: str, endpoint: Endpoint) -> Route:
        async def unless_full(request: Request) -> Response:
            # Before the body is read: to read and parse it only to refuse it would cost more than the refusal.
            error = scoring.full()
            if error is not None:
                DROPPED.labels("unread").inc()
                raise error
            return await endpoint(request)

        return _route(interface, path, unless_full, "POST")

    routes = [
        _scores("score", "/score", score.post),
        _scores("score", "/api/v1/service/{name}/score", score.post),
        _route("health", "/v2/health/live", health.live),
        _route("health", "/v2/health/ready", health.ready),
        _scores("skill", "/skills/image-classification", skill.post),
        _route("metrics", "/metrics", health.metrics),
        _route("docs", "/swagger.json", description.document),
        _route("docs", "/docs", description.page),
        _route("v2", "/v2", v2.server),
    ]
    if isinstance(scoring, FlightedScoring):
        routes.append(_route("flight", "/flight", FlightInterface(scoring).get))
    for path in (model, f"{model}/versions/{{version}}"):
        routes += [
            _scores("v2", f"{path}/infer", v2.infer),
            _route("v2", path, v2.model),
            _route("health", f"{path}/ready", v2.model_ready),
        ]

    async def on_error(request: Request, error: Exception) -> Response:
        answer = problem_of(error, request.url.path)
        if answer.status_code >= 500 and isinstance(error, ServingError):
            # The gate logs what is not ours; this is caught below it.
            _log.error("%s failed", request.scope["path"][:LOGGED_PATH_CHARACTERS], exc_info=error)
        if isinstance(error, OverloadedError):
            _forget_frames(error)
            # Who asks again at once would take the processor from those who are served.
            await asyncio.sleep(settings.refusal_pause_s)
        return answer

    errors = (ServingError, HTTPException, Exception)
    app = Starlette(routes=routes, exception_handlers=dict.fromkeys(errors, on_error))
    app.router.redirect_slashes = False
    gate = Gate(
        app,
        keys,
        is_open=lambda path: _OPEN.fullmatch(path) is not None,
        most=settings.requests,
        refusal_pause_s=settings.refusal_pause_s,
        logged=_logged(settings.log_requests),
    )
    service = Service(gate, scoring)
    return service


def _forget_frames(error: BaseException | None) -> None:
    """Let go what the frames of `error` hold: the request's body, which no longer counts as held."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _route(interface: str, path: str, endpoint: Endpoint, method: str = "GET") -> Route:
    async def named(request: Request) -> Response:
        request.scope["state"]["interface"] = interface
        return await endpoint(request)

    return Route(path, named, methods=[method])


def _logged(which: str) -> Callable[[int], bool]:
    if which == "all":
        return lambda _: True
    if which == "none":
        return lambda _: False
    return lambda status: status >= 400 and status != 429
