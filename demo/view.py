"""What a human sees while the demo runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.ledger import EventSeen, Ledger, PredictionSeen
from demo.wording import event_line, module_state, prediction_line, route_line, summary_rows

Snapshot = dict[str, Any]


class View(Protocol):
    """Shows what happens; never decides anything."""

    def seen(self, what: PredictionSeen | EventSeen) -> None: ...

    def said(self, who: str, what: str) -> None: ...

    def page(self, url: str) -> None: ...

    def refresh(self, ledger: Ledger, snapshot: Snapshot) -> None: ...

    def close(self) -> None: ...


class _PipeConsole(Console):
    """A console whose reader may go away, as `head` does: the rest goes nowhere."""

    def __init__(self, on_reader_gone: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._on_reader_gone = on_reader_gone

    def on_broken_pipe(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        if self._on_reader_gone is not None:
            self._on_reader_gone()


def new_view(*, plain: bool, on_reader_gone: Callable[[], None]) -> View:
    """`on_reader_gone` is called when nobody reads standard output any more."""
    console = _PipeConsole(on_reader_gone)
    return PlainView(console) if plain or not console.is_terminal else LiveView(console)


class PlainView:
    """The first prediction, every event, and the rates every two seconds."""

    _EVERY = 8  # refreshes

    def __init__(self, console: Console) -> None:
        self._console = console
        self._predictions = 0
        self._refreshes = 0
        self._last = ""

    def seen(self, what: PredictionSeen | EventSeen) -> None:
        if isinstance(what, EventSeen):
            self._print(f"event       {event_line(what)}")
            return
        self._predictions += 1
        if self._predictions <= 3:
            self._print(f"prediction  {prediction_line(what)}")

    def said(self, who: str, what: str) -> None:
        self._print(f"{who:10}  {what}")

    def page(self, url: str) -> None:
        self._print(f"page        {url}")

    def refresh(self, ledger: Ledger, snapshot: Snapshot) -> None:
        self._refreshes += 1
        if self._refreshes % self._EVERY:
            return
        modules = ", ".join(f"{name} {module_state(state)}" for name, state in snapshot["modules"].items())
        fps = f"{ledger.fps:.0f}/s" if ledger.fps else "-"
        line = (
            f"progress    {len(ledger.frames)} frames, {ledger.predictions} predictions ({fps}), "
            f"{ledger.events_upstream} events upstream | {modules}"
        )
        if line != self._last:
            self._last = line
            self._print(line)

    def close(self) -> None:
        pass

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveView:
    """Modules, routes with their rates, the latest predictions and events."""

    def __init__(self, console: Console) -> None:
        self._rates = RouteRates()
        self._said = ""
        self._page: list[Text] = []
        self._live = Live(
            Text("starting the runtime ..."), console=console, auto_refresh=False, transient=True
        )
        self._live.start()

    def seen(self, what: PredictionSeen | EventSeen) -> None:
        pass  # the next refresh shows it

    def said(self, who: str, what: str) -> None:
        self._said = f"{who}: {what}"

    def page(self, url: str) -> None:
        # Terminals that know links make one of it, also where the line is too short for it.
        self._page = [Text("See it in a browser: ").append(url, style=f"bold link {url}")]

    def refresh(self, ledger: Ledger, snapshot: Snapshot) -> None:
        self._live.update(
            Group(
                *self._page,
                self._modules(snapshot),
                self._routes(snapshot),
                _panel("predictions", [prediction_line(p) for p in reversed(ledger.latest_predictions)]),
                _panel("events upstream", [event_line(e) for e in reversed(ledger.latest_events)]),
                Text(self._said),
                Text("Ctrl-C stops the camera, waits for empty queues and sums up.", style="dim"),
            ),
            refresh=True,
        )

    def close(self) -> None:
        self._live.stop()

    def _modules(self, snapshot: Snapshot) -> Table:
        table = Table(box=box.SIMPLE_HEAD, expand=True)
        for heading in ("module", "state", "restarts"):
            table.add_column(heading)
        for name, state in snapshot["modules"].items():
            table.add_row(name, module_state(state), str(state.get("restartCount", 0)))
        return table

    def _routes(self, snapshot: Snapshot) -> Table:
        table = Table(box=box.SIMPLE_HEAD, expand=True)
        table.add_column("route")
        table.add_column("messages", justify="right")
        table.add_column("a second", justify="right")
        rates = self._rates.update(snapshot["routes"], time.monotonic())
        for route in snapshot["routes"]:
            table.add_row(
                route_line(route["route"]), str(route["matched"]), f"{rates.get(route['name'], 0.0):.0f}"
            )
        return table


class RouteRates:
    """Messages a second for each route, over the last two seconds or so."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, dict[str, int]]] = deque(maxlen=8)

    def update(self, routes: list[dict[str, Any]], now: float) -> dict[str, float]:
        """`now` in seconds of a clock that never goes back."""
        matched = {route["name"]: int(route["matched"]) for route in routes}
        then, before = self._past[0] if self._past else (now, matched)
        self._past.append((now, matched))
        if now <= then:
            return {}
        return {name: (count - before.get(name, 0)) / (now - then) for name, count in matched.items()}


def print_summary(report: dict[str, Any]) -> None:
    """The report as a table."""
    table = Table(title="what crossed the hub", title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in summary_rows(report):
        table.add_row(name, value)
    _PipeConsole().print(table)


def _panel(title: str, lines: list[str]) -> Panel:
    return Panel(Text("\n".join(lines) or "none yet"), title=title, title_align="left")
