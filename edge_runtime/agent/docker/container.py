"""One module's container while it runs."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from docker import APIClient

from edge_runtime.agent.docker.connection import DockerError, call
from edge_runtime.agent.docker.events import Event
from edge_runtime.agent.docker.readings import engine_time
from edge_runtime.agent.engine import EngineError, Lifetime

_log = logging.getLogger(__name__)
_LOST_EXIT_CODE = 137
"""Of a container that somebody removed before its end was seen: removal kills it."""
_SHORT_ID = 12
_MOST_OUTPUT = 200


class Container:
    """Implements `Instance`. Its end comes by an event, or by what the engine says when asked."""

    def __init__(self, api: APIClient, identifier: str) -> None:
        self.id = identifier
        self.unhealthy: str | None = None
        self.lifetime = Lifetime()
        self._own_grace_s: int | None = None
        self._api = api
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def label(self) -> str:
        return f"container {self.id[:_SHORT_ID]}"

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    async def stop(self, grace_s: float) -> int:
        """As `Instance.stop`; the StopTimeout of createOptions wins over `grace_s`, as it does on a device."""
        grace = round(grace_s) if self._own_grace_s is None else self._own_grace_s
        refusal = "the Docker engine says that it still runs"
        try:
            await call(lambda: self._api.stop(self.id, timeout=grace))
        except DockerError as error:
            refusal = str(error)
        await self.look()
        if not self._exit.done():
            raise EngineError(f"{self.label} could not be stopped: {refusal}")
        return await self.wait()

    def kill(self) -> None:
        self._killing = asyncio.ensure_future(self._kill())

    async def _kill(self) -> None:
        try:
            await call(lambda: self._api.kill(self.id))
        except DockerError as error:
            _log.debug("%s was not killed: %s", self.label, error)

    async def look(self) -> dict[str, Any]:
        """What the engine says of it now; `{}` when it is gone. An end that was not noticed is noticed so."""
        try:
            document: dict[str, Any] = await call(lambda: self._api.inspect_container(self.id))
        except DockerError as error:
            if error.missing:
                self._ended(_LOST_EXIT_CODE)
            return {}
        self._own_grace_s = document["Config"].get("StopTimeout")
        state = document["State"]
        self.lifetime = lifetime(state)
        if not (state.get("Running") or state.get("Restarting") or state.get("Status") == "created"):
            self._ended(int(state.get("ExitCode", _LOST_EXIT_CODE)))
        return document

    async def _look_at_end(self, code: int) -> None:
        """The engine knows more of an end than its event tells, unless the container has been removed with it.

        A container that runs has been started since: the event is about its life before, and came late.
        """
        try:
            document = await call(lambda: self._api.inspect_container(self.id))
        except DockerError:
            _log.debug("%s is gone", self.label)
        else:
            if document["State"].get("Running"):
                return
            self.lifetime = lifetime(document["State"])
        self._ended(code)

    def take(self, event: Event) -> None:
        """An event about this container."""
        action = str(event.get("Action", ""))
        attributes = event.get("Actor", {}).get("Attributes", {})
        if action == "die":
            code = int(attributes.get("exitCode", _LOST_EXIT_CODE))
            self._ending = asyncio.ensure_future(self._look_at_end(code))
        elif action.startswith("health_status"):
            self._health = asyncio.ensure_future(self._look_at_health())

    async def _look_at_health(self) -> None:
        health = (await self.look()).get("State", {}).get("Health") or {}
        self.unhealthy = health_complaint(health)

    def _ended(self, code: int) -> None:
        if not self._exit.done():
            self._exit.set_result(code)


def lifetime(state: dict[str, Any]) -> Lifetime:
    """From the `State` of a container."""
    started, ended = (engine_time(state.get(name, "")) for name in ("StartedAt", "FinishedAt"))
    over = not state.get("Running")
    remark = "the memory that it may have did not suffice" if over and state.get("OOMKilled") else None
    return Lifetime(started, ended if over else None, remark)


def health_complaint(health: dict[str, Any]) -> str | None:
    """Why the engine calls a container unhealthy, with what the check said last; None when it does not."""
    if health.get("Status") != "unhealthy":
        return None
    said = ((health.get("Log") or [{}])[-1].get("Output") or "").strip()[:_MOST_OUTPUT]
    times = f"its health check failed {health.get('FailingStreak', 0)} times"
    return f"{times}: {said}" if said else times
