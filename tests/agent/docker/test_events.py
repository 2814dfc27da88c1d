"""The stream of events breaks, and is opened again."""

from __future__ import annotations

import asyncio
import logging
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import DockerException

from edge_runtime.agent.docker import events
from edge_runtime.agent.docker.events import Event, EventReader
from edge_runtime.agent.docker.ownership import Owner
from tests.patience import PATIENCE_S

END = None


class Stream:
    """Events that the test puts in; `None` is the stream's end."""

    def __init__(self) -> None:
        self.put: queue.SimpleQueue[Event | None] = queue.SimpleQueue()

    def __iter__(self) -> Iterator[Event]:
        return iter(self.put.get, END)

    def close(self) -> None:
        self.put.put(END)


class Api:
    """Opens the streams that it was given, in turn; then it does not answer."""

    def __init__(self, *streams: Stream | Exception) -> None:
        self._streams = list(streams)
        self.asked: list[dict[str, Any]] = []

    def events(self, *, filters: dict[str, Any], decode: bool) -> Stream:
        self.asked.append(filters)
        stream = self._streams.pop(0) if self._streams else DockerException("away")
        if isinstance(stream, Exception):
            raise stream
        return stream


async def until(number: int, seen: list[Any]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(seen) < number:
            await asyncio.sleep(0.005)


async def test_after_each_break_the_stream_is_opened_again_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(events, "_RECONNECT_S", 0.01)
    caplog.set_level(logging.WARNING)
    first, second = Stream(), Stream()
    api = Api(first, DockerException("away"), DockerException("away"), second)
    seen: list[Event] = []
    connected: list[int] = []
    owner = Owner("edge", Path("/state"))
    reader = EventReader(
        api,  # type: ignore[arg-type]
        owner,
        on_event=seen.append,
        on_connected=lambda: connected.append(len(seen)),
    )
    first.put.put({"Action": "die"})
    await until(1, seen)
    first.put.put(END)
    await until(2, connected)
    second.put.put({"Action": "health_status: unhealthy"})
    await until(2, seen)
    assert connected == [0, 1]
    assert [event["Action"] for event in seen] == ["die", "health_status: unhealthy"]
    assert api.asked[0]["label"] == ["edge-runtime.state=/state"]
    assert caplog.text.count("no events of the containers") == 1  # not once a second
    reader.close()
    second.put.put({"Action": "die"})
    await asyncio.sleep(0.1)
    assert (len(seen), len(api.asked)) == (2, 4)
