"""Starts that are given up, and events that come late, with an engine that does what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from edge_runtime.agent.docker.container import Container
from edge_runtime.agent.docker.engine import DockerEngine
from edge_runtime.agent.docker.ownership import STATE_LABEL, Network, Owner
from edge_runtime.agent.docker.site import Site
from edge_runtime.agent.engine import Identity
from edge_runtime.agent.environment import Device
from edge_runtime.manifest import ModuleSpec
from tests.patience import PATIENCE_S

STATE = Path("/state")
SPEC = ModuleSpec("camera", "camera:1", image_pull_policy="never")
IDENTITY = Identity("g", "unix:///state/s/camera/workload.sock")


class Stream:
    """Events that never come."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self.close = self._closed.set

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._closed.wait(PATIENCE_S)
        return iter(())


class Api:
    """One container. `on_start` and `on_inspect` are called in the thread of the call."""

    def __init__(self) -> None:
        self.running: bool | None = None
        self.on_start: Callable[[], None] = lambda: None
        self.on_inspect: Callable[[], None] = lambda: None

    def events(self, **_: Any) -> Stream:
        return Stream()

    def inspect_image(self, _: str) -> None:
        return

    def inspect_network(self, _: str) -> dict[str, Any]:
        return {"Labels": {STATE_LABEL: str(STATE)}}

    def create_container_from_config(self, _: dict[str, Any], __: str) -> dict[str, str]:
        self.running = False
        return {"Id": "0123456789abcdef"}

    def start(self, _: str) -> None:
        self.on_start()
        self.running = True

    def inspect_container(self, _: str) -> dict[str, Any]:
        if self.running is None:
            raise NotFound("404", explanation="no such container")
        if self.running:
            self.on_inspect()
        labels = {STATE_LABEL: str(STATE)}
        state = {"Running": self.running, "ExitCode": 143}
        return {"Id": "0123456789abcdef", "Config": {"Labels": labels}, "State": state}

    def remove_container(self, _: str, **__: Any) -> None:
        self.running = None


@contextlib.asynccontextmanager
async def docker_engine(api: Api) -> AsyncIterator[DockerEngine]:
    site = Site(api, Owner("edge", STATE), Network("net", "172.18.0.1", "172.18.0.0/16"))  # type: ignore[arg-type]
    engine = DockerEngine(site, Device("edge", "local.azure-devices.net", "edge.edge.internal"))
    yield engine
    await engine.close()


async def test_what_a_start_that_is_given_up_has_started_is_removed() -> None:
    """Given up after the engine has started it, while it is asked what became of it."""
    api, asked, answer = Api(), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def inspect() -> None:
        loop.call_soon_threadsafe(asked.set)
        answer.wait(PATIENCE_S)

    api.on_inspect = inspect
    async with docker_engine(api) as engine:
        start = asyncio.create_task(engine.start(SPEC, IDENTITY))
        await asyncio.wait_for(asked.wait(), PATIENCE_S)
        start.cancel()
        await asyncio.wait([start])
        answer.set()
    assert api.running is None


async def test_the_end_of_its_life_before_does_not_end_it_again() -> None:
    """A module that is restarted is started while the event of its end is still on its way."""
    api = Api()
    async with docker_engine(api) as engine:
        first = await engine.start(SPEC, IDENTITY)
        api.running = False
        await first.look()
        died = {"Action": "die", "Actor": {"ID": first.id, "Attributes": {"exitCode": "143"}}}
        loop, seen = asyncio.get_running_loop(), threading.Event()

        def late() -> None:
            engine._take(died)
            seen.set()

        def start() -> None:
            loop.call_soon_threadsafe(late)
            assert seen.wait(PATIENCE_S)

        api.on_start = start
        second = await engine.start(SPEC, IDENTITY)
        await _events_are_done(first, second)
        assert (second is first, first._exit.done(), second._exit.done()) == (False, True, False)


async def _events_are_done(*containers: Container) -> None:
    for container in containers:
        ending = getattr(container, "_ending", None)
        if ending is not None:
            await ending
