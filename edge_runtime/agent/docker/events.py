"""The engine's events about our containers, read by a thread for as long as the runtime runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from docker import APIClient

from edge_runtime.agent.docker.connection import DockerError, ask
from edge_runtime.agent.docker.ownership import Owner

_log = logging.getLogger(__name__)
_RECONNECT_S = 1.0
_WATCHED = ["die", "health_status"]

Event = dict[str, Any]
"""As the engine sends it: `Action`, `Actor.ID`, `Actor.Attributes`, `timeNano`."""


class EventReader:
    """Hands events to `on_event` in the loop in which it was made.

    `on_connected` is called there each time the stream has been opened: what happened before, while the engine was
    away, is to be asked of it.
    """

    def __init__(
        self,
        api: APIClient,
        owner: Owner,
        *,
        on_event: Callable[[Event], None],
        on_connected: Callable[[], None],
    ) -> None:
        self._api = api
        self._filters = {**owner.filters, "type": ["container"], "event": _WATCHED}
        self._on_event = on_event
        self._on_connected = on_connected
        self._loop = asyncio.get_running_loop()
        self._closed = threading.Event()
        self._close_stream: Callable[[], None] = lambda: None
        threading.Thread(target=self._run, name="docker events", daemon=True).start()

    def close(self) -> None:
        """No event comes any more."""
        self._closed.set()
        with contextlib.suppress(Exception):  # the stream may be in any state, and is of no use any more
            self._close_stream()

    def _run(self) -> None:
        silent = False
        while not self._closed.is_set():
            try:
                ask(self._read)
                silent = False
            except DockerError as error:
                if not silent and not self._closed.is_set():
                    _log.warning("no events of the containers: %s; trying again", error)
                silent = True
            except RuntimeError:  # the loop has been closed
                return
            self._closed.wait(_RECONNECT_S)

    def _read(self) -> None:
        stream = self._api.events(filters=self._filters, decode=True)
        self._close_stream = stream.close
        self._loop.call_soon_threadsafe(self._on_connected)
        for event in stream:
            if self._closed.is_set():
                return
            self._loop.call_soon_threadsafe(self._on_event, event)
