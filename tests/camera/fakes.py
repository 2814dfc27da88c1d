"""The hub's side, with faults: it stores, stalls, refuses and gives credit as a test says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from camera.frame_sender import FrameSender
from camera.picture import Picture
from camera.sources.source import Source
from camera.status import Status
from module_kit.message import Outgoing
from tests.patience import PATIENCE_S


class StallingHub:
    """Takes what a camera sends; the window is 16, as the module kit's.

    Attributes:
        messages: what was handed over, in order.
        open: cleared to keep acknowledgements back, as a hub with a full disk does.
    """

    def __init__(self, frames_per_credit: int = 0) -> None:
        self.messages: list[Outgoing] = []
        self.open = asyncio.Event()
        self.open.set()
        self.refuse: set[int] = set()
        self.camera: FrameSender | None = None
        self._frames_per_credit = frames_per_credit
        self._window = asyncio.Semaphore(16)
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, output: str, message: Outgoing) -> asyncio.Future[None]:
        assert output == "frames"
        await self._window.acquire()
        number = len(self.messages)
        self.messages.append(message)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._acknowledge(number, message, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return done

    async def _acknowledge(self, number: int, message: Outgoing, done: asyncio.Future[None]) -> None:
        await self.open.wait()
        await asyncio.sleep(0)
        self._window.release()
        if number in self.refuse:
            done.set_exception(ValueError("too large"))
        else:
            done.set_result(None)
        every = self._frames_per_credit
        if every and self.camera is not None and (number + 1) % every == 0:
            self.camera.credit(message.properties["boot"], int(message.properties["sequence"]))

    @property
    def sequences(self) -> list[int]:
        return [int(message.properties["sequence"]) for message in self.messages]

    @property
    def labels(self) -> list[str]:
        return [message.properties.get("label", "") for message in self.messages]


class Reports:
    """What was reported."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.last: dict[str, Any] = {}

    def __call__(self, properties: Mapping[str, Any]) -> None:
        self.last.update(properties)
        if not self.states or self.states[-1] != properties["state"]:
            self.states.append(properties["state"])


class Events:
    """A source's events."""

    def __init__(self) -> None:
        self.drops: Counter[str] = Counter()
        self.progressed: list[str] = []

    def dropped(self, reason: str) -> None:
        self.drops[reason] += 1

    def progress(self, text: str) -> None:
        self.progressed.append(text)


class Bench:
    """A frame sender on a hub, with its status."""

    def __init__(self, frames_per_credit: int = 16) -> None:
        self.reports = Reports()
        self.status = Status(self.reports)
        self.hub = StallingHub(frames_per_credit)
        self.frames = FrameSender(self.hub, self.status)
        self.hub.camera = self.frames


class ListSource:
    """Gives the listed pictures; an exception among them is raised; `live` and `repeats` as told."""

    natural_fps: float | None = None

    def __init__(self, *items: Picture | Exception | float, live: bool = False, repeats: bool = True) -> None:
        self.live = live
        self.repeats = repeats
        self.opened = 0
        self._items = items

    async def pictures(self) -> AsyncGenerator[Picture, None]:
        self.opened += 1
        for item in self._items:
            if isinstance(item, Exception):
                raise item
            if isinstance(item, float):
                await asyncio.sleep(item)
            else:
                yield item


async def take(source: Source, count: int | None = None, timeout_s: float = PATIENCE_S) -> list[Picture]:
    """The first `count` pictures, or all."""
    taken: list[Picture] = []
    async with asyncio.timeout(timeout_s), aclosing(source.pictures()) as pictures:
        async for picture in pictures:
            taken.append(picture)
            if len(taken) == count:
                break
    return taken
