"""One run: start, watch, stop the camera, wait for empty queues, report."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import aiohttp

from demo.camera_state import CameraState
from demo.ledger import Ledger, PredictionSeen
from demo.observer import Observer
from demo.options import Options
from demo.processes import MemoryPeaks
from demo.report import build_report
from demo.runtime import Runtime
from demo.view import View
from demo.wording import switch_line

_REFRESH_S = 0.25
_QUIET_POLLS = 3
_STALLED_S = 20.0
_NO_FRAMES_S = 60.0
# What a module of this solution exits with when its settings or its model make no sense.
_BAD_CONFIGURATION = 2


class SourceFailedError(Exception):
    """The camera cannot read its source."""


class StoppedEarlyError(Exception):
    """Asked to stop before the runtime was up: there is nothing to report."""


class ModuleRefusedError(Exception):
    """A module ended because it was configured wrongly; starting it again would not help."""


class Session:
    """Watches one runtime.

    Args:
        options: the command line.
        runtime: started already.
        stop: set it to stop the camera, wait for empty queues and report.
        started: Unix time of the command.
    """

    def __init__(
        self, options: Options, runtime: Runtime, view: View, stop: asyncio.Event, *, started: float
    ) -> None:
        self.stop = stop
        self._options = options
        self._runtime = runtime
        self._view = view
        self._started = started
        self._ledger = Ledger()
        self._memory = MemoryPeaks(runtime.state)
        self._camera = CameraState()
        self._incomplete: str | None = None
        self._instance: str | None = None

    async def run(self) -> dict[str, Any]:
        """The report. Raises RuntimeFailedError, SourceFailedError, ModuleRefusedError, StoppedEarlyError."""
        endpoints = await self._endpoints()
        if endpoints["page"] is not None:
            self._view.page(endpoints["page"])
        observer = Observer(endpoints)
        reading = asyncio.create_task(self._read(observer), name="feed")
        try:
            await self._watch(observer)
            await self._drain(observer)
            self._memory.sample()
            self._runtime.terminate()
            await asyncio.wait_for(reading, 30)
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await reading
            await observer.close()
        return build_report(
            self._ledger,
            rss_mb=self._memory.megabytes(),
            started=self._started,
            incomplete=self._incomplete or self._missed(),
        )

    async def _endpoints(self) -> dict[str, Any]:
        found = asyncio.create_task(self._runtime.endpoints())
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({found, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not found.done():
                raise StoppedEarlyError
            return await found
        finally:
            found.cancel()
            stopped.cancel()

    async def _read(self, observer: Observer) -> None:
        """Read the feed until the runtime stops; a hub that was started again is read again."""
        while self._runtime.running:
            try:
                async for documents in observer.feed():
                    for document in documents:
                        self._take(document)
            except (aiohttp.ClientError, OSError):
                pass
            await asyncio.sleep(0.1)

    def _take(self, document: dict[str, Any]) -> None:
        kind = document["type"]
        if kind == "hello":
            if self._instance not in (None, document["instance"]):
                self._incomplete = "the hub was started again, and what crossed it meanwhile was not seen"
            elif document["stored"]:
                self._incomplete = (
                    f"{document['stored']} messages crossed the hub before the observer was there"
                )
            self._instance = document["instance"]
        elif kind == "reported" and document["module"] == "camera":
            line = self._camera.take(document["patch"])
            if line is not None:
                self._view.said("camera", line)
        seen = self._ledger.take(document)
        if seen is not None:
            self._view.seen(seen)
        if isinstance(seen, PredictionSeen) and seen.former is not None:
            self._view.said("classifier", switch_line(seen.former, seen))

    async def _watch(self, observer: Observer) -> None:
        """Until the run's end: enough frames, enough time, the source's end, or a signal."""
        first_frame: float | None = None
        waiting_since = time.monotonic()
        while not self.stop.is_set():
            self._runtime.check()
            self._check_modules(await self._refresh(observer))
            now = time.monotonic()
            if self._ledger.frames and first_frame is None:
                first_frame = now
            if self._camera.state == "failed":
                raise SourceFailedError(self._camera.error or "the camera failed and gave no reason")
            if self._ended(first_frame, now):
                return
            if self._camera.progress:
                waiting_since = now  # a download: the camera itself gives up when it stalls
            if first_frame is None and now - waiting_since > _NO_FRAMES_S:
                why = self._camera.error or f"the runtime said:\n{self._runtime.output()}"
                raise SourceFailedError(f"no frame within {_NO_FRAMES_S:.0f} s; {why}")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), _REFRESH_S)

    def _check_modules(self, snapshot: dict[str, Any]) -> None:
        for name, state in snapshot["modules"].items():
            if state.get("exitCode") == _BAD_CONFIGURATION and state.get("runtimeStatus") != "running":
                raise ModuleRefusedError(f"{name} cannot start:\n{self._runtime.last_words(name)}")

    def _ended(self, first_frame: float | None, now: float) -> bool:
        options, ledger = self._options, self._ledger
        if options.frames is not None and len(ledger.frames) >= options.frames:
            return True
        if (
            options.duration_s is not None
            and first_frame is not None
            and now - first_frame >= options.duration_s
        ):
            return True
        return self._camera.state == "finished"

    async def _drain(self, observer: Observer) -> None:
        """Stop the camera, then wait for empty queues; gives up when nothing moves for 20 s."""
        if self._camera.state != "finished":
            with contextlib.suppress(aiohttp.ClientError):
                await observer.invoke("camera", "pause")
        quiet, progress, progress_at = 0, -1, time.monotonic()
        while quiet < _QUIET_POLLS and time.monotonic() - progress_at < _STALLED_S:
            self._runtime.check()
            snapshot = await self._refresh(observer)
            waiting = sum(queue["length"] for queue in snapshot["queues"]) + snapshot["unacknowledged"]
            quiet = 0 if waiting or self._ledger.lost else quiet + 1
            moved = self._ledger.predictions + self._ledger.events_upstream
            if moved != progress:
                progress, progress_at = moved, time.monotonic()
            await asyncio.sleep(0.1)

    async def _refresh(self, observer: Observer) -> dict[str, Any]:
        self._memory.sample()
        try:
            snapshot = await observer.snapshot()
        except (aiohttp.ClientError, OSError):
            return {"modules": {}, "routes": [], "queues": [], "unacknowledged": 1}
        self._view.refresh(self._ledger, snapshot)
        return snapshot

    def _missed(self) -> str | None:
        missed = self._ledger.missed
        return f"the observer was too slow and missed {missed} documents" if missed else None
