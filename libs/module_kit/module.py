"""One module's life: `run_module` starts it, `Module` is what its `main` works with.

Stopped(Exception)   `start` was interrupted by SIGTERM; let it pass, the module then exits 0
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Generic, NoReturn, TypeVar

from module_kit.connection import ConnectionWatch, NotAnEdgeModule, connect, require_edge, to_sdk
from module_kit.hub_link import HubLink
from module_kit.inbox import Inbox, Overflow
from module_kit.lifecycle import DRAIN_S, EXIT_ENVIRONMENT, EXIT_ERROR, EXIT_OK, leave, run
from module_kit.logs import configure_logs
from module_kit.message import Incoming, Outgoing
from module_kit.methods import MethodHandler, Methods
from module_kit.metrics import MESSAGES_DROPPED, serve_metrics
from module_kit.process import process_settings
from module_kit.redaction import redact
from module_kit.reported import Reporter
from module_kit.sdk_call import sdk_call
from module_kit.sender import Sender
from module_kit.settings import (
    ModuleSettings,
    SettingsError,
    SettingsRefused,
    compose,
    from_environment,
    twin_names,
)
from module_kit.twin_settings import Acknowledgements, TwinSettings
from module_kit.watchdog import Watchdog

_log = logging.getLogger(__name__)

S = TypeVar("S", bound=ModuleSettings)
_MAIN_S = 5.0  # of the 8 s: what main has after SIGTERM, before it is cancelled
_DONE_S = 60.0  # what the hub has to acknowledge the last messages of a main that has returned by itself

_COLLECT_AFTER = 10_000  # new objects; Python's own 700 are made by a few messages, which leave no cycles


class Stopped(Exception):  # noqa: N818 - not an error
    """SIGTERM came while the module was starting."""


class Module(Generic[S]):
    """A module that runs: its settings, its inputs and outputs, its methods, its reports.

    Attributes:
        name: the module's name, as in `run_module`.
        stopping: set at SIGTERM or SIGINT; `main` then has 5 s to return before it is cancelled.
        reported_at_start: the reported section as an earlier run left it; filled by `start`.
    """

    def __init__(
        self,
        name: str,
        settings_type: type[S],
        environment: Mapping[str, str],
        stopping: asyncio.Event,
        watchdog: Watchdog,
    ) -> None:
        self.name = name
        self.stopping = stopping
        self.reported_at_start: Mapping[str, Any] = {}
        self._watchdog = watchdog
        self._settings = TwinSettings(
            settings_type, from_environment(settings_type, environment), self._apply
        )
        self._appliers: list[Callable[[S, S], None]] = []
        self._preparers: list[Callable[[S, S], Awaitable[None]]] = []
        self._settlers: list[Callable[[], Awaitable[None]]] = []
        self._twin_turn = asyncio.Lock()
        self._inputs: dict[str, Inbox[Incoming]] = {}
        self._methods = Methods()
        self._client: Any = None
        self._sender: Sender | None = None
        self._watch: ConnectionWatch | None = None
        self._link: HubLink | None = None
        self._reporter = Reporter(self._patch_reported, lambda: self._connected)
        self._tasks: list[asyncio.Task[None]] = []
        self._group: asyncio.TaskGroup | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def settings(self) -> S:
        """The settings now in force (twin over environment over default). Replaced, never changed."""
        return self._settings.current

    def input(self, name: str, *, capacity: int) -> Inbox[Incoming]:
        """The inbox of input `name`, bounded by DROP_OLDEST. Call before `start`.

        The SDK acknowledges before it hands over, so nothing can wait here; holding back is the credits' work.
        """
        drops = MESSAGES_DROPPED.labels(f"input {name}", "inbox_overflow")
        inbox: Inbox[Incoming] = Inbox(
            name, capacity, Overflow.DROP_OLDEST, lambda _item, _reason: drops.inc()
        )
        self._inputs[name] = inbox
        return inbox

    def method(self, name: str, handler: MethodHandler) -> None:
        """Register a direct method. Call before `start`."""
        self._methods.register(name, handler)

    def on_settings(
        self,
        apply: Callable[[S, S], None],
        *,
        prepare: Callable[[S, S], Awaitable[None]] | None = None,
        settle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Call `apply(old, new)` on the loop's thread before new settings come into force.

        `SettingsRefused` from it refuses the patch whole and the old settings stay. What takes long (loading
        a model) goes into `prepare(old, new)`, which is awaited before `apply` while the module works on; it
        changes nothing, and `apply` may still not follow. `settle()` is awaited between `apply`, or its
        refusal, and the acknowledgement: it waits until nothing is on its way that the old settings made, so
        that whoever has read the acknowledgement sees nothing old after it. Call before `start`.
        """
        self._appliers.append(apply)
        if prepare is not None:
            self._preparers.append(prepare)
        if settle is not None:
            self._settlers.append(settle)

    async def start(self) -> None:
        """Connect (patiently), read the twin, acknowledge it, open inputs, methods and twin updates."""
        starting = asyncio.create_task(self._start(), name="start")
        stopped = asyncio.create_task(self.stopping.wait(), name="stopping")
        try:
            await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                raise Stopped
            starting.result()
        finally:
            starting.cancel()
            stopped.cancel()

    async def send(self, output: str, message: Outgoing) -> asyncio.Future[None]:
        """Send in order; waits while the window (16) is full.

        Returns a future that is done when the hub has stored the message, or raises `SendFailed`.
        """
        if self._sender is None:
            raise RuntimeError("Module.send before Module.start")
        return await self._sender.send(output, message)

    def report(self, properties: Mapping[str, Any]) -> None:
        """Report properties (`{"state": "running"}`); changes within a second travel as one patch.

        Raises ValueError for the name of a setting: its acknowledgement is reported there.
        """
        if taken := properties.keys() & twin_names(type(self.settings)):
            raise ValueError(
                f"{self.name} reports {', '.join(sorted(taken))}: a setting is acknowledged there"
            )
        self._reporter.report(properties)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` beside `main`. An error in it ends the module (exit 1). Cancelled when main returns."""
        if self._group is None:
            raise RuntimeError("Module.spawn outside of main")
        task = self._group.create_task(work, name=name)
        self._tasks.append(task)
        task.add_done_callback(self._tasks.remove)
        return task

    async def live(self, main: Callable[[Module[S]], Coroutine[Any, Any, None]]) -> None:
        """Run `main` and all that it spawned to the end; for `run_module`."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                task = group.create_task(_unless_stopped(main(self)), name=f"{self.name} main")
                grace = group.create_task(self._grace(task), name="grace")
                await asyncio.wait([task])
                grace.cancel()
                if task.cancelled() or task.exception() is None:
                    await self._finish()
                for other in [*self._tasks]:
                    other.cancel()
        finally:
            await self._close()

    async def _start(self) -> None:
        began = time.perf_counter()
        client = self._client = await connect()
        watch = self._watch = ConnectionWatch(client, self._connection_changed)
        self._sender = Sender(client, to_sdk)
        self._link = HubLink(client, self._inputs, self._methods, self._patch_arrived)
        await asyncio.to_thread(watch.install)
        watch.look()
        await self._link.open_twin_updates()  # before the read, so that no change falls between the two
        twin = await self._link.read_twin()
        self.reported_at_start = {k: v for k, v in twin.get("reported", {}).items() if not k.startswith("$")}
        self._reporter.seed(self.reported_at_start)
        await self._replace(twin.get("desired", {}))
        await self._link.open()
        self.spawn(watch.keep(), "connection")
        self.spawn(self._reporter.run(), "reported properties")
        _relieve_the_collector()
        _log.info("%s started in %.2f s", self.name, time.perf_counter() - began)

    @property
    def _connected(self) -> bool:
        return self._client is not None and bool(self._client.connected)

    async def _patch_reported(self, patch: dict[str, Any]) -> None:
        async with asyncio.timeout(20):
            await sdk_call(self._client.patch_twin_reported_properties(patch))

    def _apply(self, old: S, new: S) -> None:
        for number, apply in enumerate(self._appliers):
            try:
                apply(old, new)
            except SettingsRefused:
                for earlier in self._appliers[:number]:
                    earlier(new, old)
                raise

    def _connection_changed(self, connected: bool) -> None:
        if connected:
            self._watchdog.connected()
        else:
            self._watchdog.disconnected()
        if self._sender is not None:
            self._sender.connection_changed()
        if connected and self._settings.version:
            self._read_again()

    async def _prepare(self, desired: Mapping[str, Any], *, whole: bool) -> None:
        if self._preparers:
            for new in self._settings.candidates(desired, whole=whole):
                for prepare in self._preparers:
                    await prepare(self.settings, new)

    def _patch_arrived(self, patch: dict[str, Any]) -> None:
        if self._preparers or self._settlers:
            self.spawn(self._prepare_and_take(patch), "twin patch")
        else:
            self._reporter.report(self._taken(patch))

    async def _replace(self, desired: Mapping[str, Any]) -> None:
        async with self._twin_turn:
            await self._prepare(desired, whole=True)
            await self._acknowledge(self._settings.replace(desired))

    async def _prepare_and_take(self, patch: dict[str, Any]) -> None:
        async with self._twin_turn:  # first come, first served: patches keep their order
            await self._prepare(patch, whole=False)
            await self._acknowledge(self._taken(patch))

    def _taken(self, patch: dict[str, Any]) -> Acknowledgements:
        version, known = int(patch.get("$version", 0)), self._settings.version
        if not known or version <= known:
            return {}  # the whole twin is being read, or already told of this
        if version > known + 1:
            self._read_again()
            return {}
        return self._settings.patch(patch)

    async def _acknowledge(self, acknowledgements: Acknowledgements) -> None:
        if acknowledgements:
            for settle in self._settlers:
                await settle()
            self._reporter.report(acknowledgements)

    def _read_again(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = self.spawn(self._reread(), "twin")

    async def _reread(self) -> None:
        if self._link is None:
            return
        desired = (await self._link.read_twin()).get("desired", {})
        if int(desired.get("$version", 0)) != self._settings.version:
            await self._replace(desired)

    async def _grace(self, main: asyncio.Task[None]) -> None:
        await self.stopping.wait()
        await asyncio.sleep(_MAIN_S)
        _log.warning("main has not returned %.0f s after the signal: cancelled", _MAIN_S)
        main.cancel()

    async def _finish(self) -> None:
        if self._sender is None:
            return
        limit_s = _DONE_S
        if self.stopping.is_set():
            limit_s = DRAIN_S - _MAIN_S - 1 if self._connected else 0.5
        lost = await self._sender.drain(limit_s)
        if lost:
            _log.warning("%d messages were not acknowledged", lost)
        if self._connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._reporter.flush()

    async def _close(self) -> None:
        for inbox in self._inputs.values():
            inbox.close()
        if self._watch is not None:
            self._watch.stop()
        if self._client is not None:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1):
                    await sdk_call(self._client.disconnect())


def _relieve_the_collector() -> None:
    """What was loaded until now stays for good: the collector need not walk it again and again."""
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


async def _unless_stopped(main: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(Stopped):
        await main


def run_module(
    name: str,
    settings_type: type[S],
    main: Callable[[Module[S]], Coroutine[Any, Any, None]],
    *,
    self_test: Callable[[S], str] | None = None,
) -> NoReturn:
    """Run `main` to its end and exit the process.

    Exit codes: 0 stopped or done; 1 an unhandled error; 2 an invalid environment; 70 the watchdog.
    With `--self-test` on the command line: runs `self_test(settings)` without a connection, prints its line,
    exits 0, or 1 with the error.
    """
    signal.signal(signal.SIGTERM, lambda _number, _frame: leave(EXIT_OK))  # until the loop has its own
    environment = dict(os.environ)
    configure_logs(environment)
    try:
        settings = compose(settings_type, from_environment(settings_type, environment))
        process = process_settings(environment)
    except SettingsError as error:
        for problem in error.problems:
            _log.critical("invalid environment: %s", problem.text)
        leave(EXIT_ENVIRONMENT)
    if "--self-test" in sys.argv[1:]:
        leave(_self_tested(name, settings, self_test))
    try:
        require_edge(environment)
    except NotAnEdgeModule as error:
        _log.critical("%s", error)
        leave(EXIT_ENVIRONMENT)
    if process.metrics_port:
        serve_metrics(process.metrics_address, process.metrics_port)

    async def work(stopping: asyncio.Event, watchdog: Watchdog) -> None:
        await Module(name, settings_type, environment, stopping, watchdog).live(main)

    leave(run(work))


def _self_tested(name: str, settings: S, self_test: Callable[[S], str] | None) -> int:
    try:
        line = self_test(settings) if self_test else "settings are valid"
    except Exception as error:  # noqa: BLE001 - whatever is broken, the answer says it
        _log.exception("self-test failed")
        print(f"{name}: self-test failed: {redact(str(error))}")  # noqa: T201 - the answer of a command
        return EXIT_ERROR
    print(f"{name}: {redact(line)}")  # noqa: T201
    return EXIT_OK
