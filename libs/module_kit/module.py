"""One module's life: `run_module` starts it, `Module` is what its `main` works with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Generic, TypeVar

from module_kit.inbox import Inbox
from module_kit.message import Incoming, Outgoing
from module_kit.settings import ModuleSettings

S = TypeVar("S", bound=ModuleSettings)
MethodHandler = Callable[[Any], Awaitable[Any]]
"""Takes the JSON payload, returns the JSON answer (status 200). Raise `MethodError(status, message)` to refuse."""


class Module(Generic[S]):
    """A module that runs: its settings, its inputs and outputs, its methods, its reports.

    Attributes:
        name: the module's name, as in `run_module`.
        settings: the settings now in force (twin over environment over default). Replaced, never changed.
        stopping: set at SIGTERM or SIGINT; `main` then has 8 s to return.
    """

    name: str
    settings: S
    stopping: asyncio.Event

    def input(self, name: str, *, capacity: int) -> Inbox[Incoming]:
        """The inbox of input `name`, bounded by DROP_OLDEST (the SDK acknowledges before it hands over, so
        nothing can wait here; flow is the credits' work). Call before `start`."""
        raise NotImplementedError

    def method(self, name: str, handler: MethodHandler) -> None:
        """Register a direct method. Call before `start`."""
        raise NotImplementedError

    def on_settings(self, apply: Callable[[S, S], None]) -> None:
        """Call `apply(old, new)` on the loop's thread before new settings come into force; `SettingsRefused`
        from it refuses the patch whole and the old settings stay."""
        raise NotImplementedError

    async def start(self) -> None:
        """Connect (patiently), read the twin, acknowledge it, open inputs, methods and twin updates."""
        raise NotImplementedError

    async def send(self, output: str, message: Outgoing) -> asyncio.Future[None]:
        """Send in order; waits while the window (16) is full. The future is done when the hub has stored it."""
        raise NotImplementedError

    def report(self, properties: Mapping[str, Any]) -> None:
        """Report properties (`{"state": "running"}`); changes within a second travel as one patch."""
        raise NotImplementedError

    @property
    def reported_at_start(self) -> Mapping[str, Any]:
        """The reported section as it was read at start (what an earlier run left there)."""
        raise NotImplementedError

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` beside `main`. An error in it ends the module (logged, exit 1). Cancelled when main returns."""
        raise NotImplementedError


def run_module(
    name: str,
    settings_type: type[S],
    main: Callable[[Module[S]], Coroutine[Any, Any, None]],
    *,
    self_test: Callable[[S], str] | None = None,
) -> None:
    """Run `main` to its end and exit the process.

    Exit codes: 0 stopped or done; 1 an unhandled error; 2 an invalid environment; 70 the watchdog.
    With `--self-test` on the command line: runs `self_test(settings)` without a connection, prints its line,
    exits 0, or 1 with the error.
    """
    raise NotImplementedError
