"""What people and programs see of a deployment. Everything is masked on its way out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge_runtime.manifest import Problem, Severity
from release.deploy.difference import Change, Difference, Kind
from release.deploy.follow import Progress, Verdicts
from release.deploy.masking import Masker
from release.deploy.verdict import Health

_SIGN = {Kind.ADDED: ("+", "green"), Kind.REMOVED: ("-", "red"), Kind.CHANGED: ("~", "yellow")}
_MARK = {
    Health.GOOD: ("ok", "green"),
    Health.WAITING: ("..", "cyan"),
    Health.TROUBLE: ("!!", "yellow"),
    Health.FAILED: ("XX", "bold red"),
}
_LONGEST = 200
_ONE_LINE = 60


class View:
    """With `machine` people's text goes to standard error, and `result` prints one JSON document."""

    def __init__(self, masker: Masker, *, machine: bool) -> None:
        self._masker = masker
        self._machine = machine
        self.console = Console(stderr=machine, highlight=False, soft_wrap=True)
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)

    @property
    def live(self) -> bool:
        """Whether a display may be drawn anew in its place."""
        return self.console.is_terminal and not self._machine

    def say(self, text: str, style: str = "") -> None:
        """One message."""
        self.console.print(Text(self._masker.text(text), style))

    def ask(self, text: str) -> str:
        """What somebody at the terminal answers."""
        self.console.print(Text(self._masker.text(text)), end="")
        return sys.stdin.readline().strip()

    def error(self, text: str) -> None:
        """One message that is the reason of the end."""
        self._errors.print(Text("scripts/deploy: ", "bold red") + Text(self._masker.text(text)))

    def problems(self, problems: Sequence[Problem]) -> None:
        """The doctor's findings, as `python -m edge_runtime check` shows them."""
        for problem in problems:
            style = "bold red" if problem.severity is Severity.ERROR else "bold yellow"
            where = Text(f"{problem.file}:{problem.line}:{problem.column}: ", "bold")
            what = Text(f": {self._masker.text(problem.what)}")
            self.console.print(where + Text(problem.severity, style) + what)
            self.console.print(Text(f"    mend: {self._masker.text(problem.mend)}"))

    def difference(self, difference: Difference, where: str) -> None:
        """What changes, a line a value, under the name of what it belongs to."""
        none = "" if difference else ": no value changes"
        self.console.print(Text(f"Changes on {where}{none}", "bold"))
        subject = ""
        for change in difference.changes:
            sign, style = _SIGN[change.kind]
            if not change.path:
                subject = ""
                self.console.print(Text(f"{sign} {change.subject}", style) + self._sides(change))
                continue
            if change.subject != subject:
                self.console.print(Text(f"  {change.subject}", "bold"))
                subject = change.subject
            self.console.print(Text(f"{sign}   {'.'.join(change.path)}", style) + self._sides(change))
        for module in difference.removed:
            self.say(f"- the module {module} ENDS: the new deployment does not name it", "bold red")

    def changes(self, difference: Difference) -> list[dict[str, Any]]:
        """The same for programs."""
        return [
            {
                "change": str(change.kind),
                "subject": change.subject,
                "path": list(change.path),
                "now": self._masked(change, change.now),
                "after": self._masked(change, change.after),
            }
            for change in difference.changes
        ]

    def result(self, document: dict[str, Any]) -> None:
        """The one JSON document of `--json`."""
        if self._machine:
            sys.stdout.write(json.dumps(self._masker.value((), document), indent=2) + "\n")
            sys.stdout.flush()

    def row(self, name: str, health: Health, text: str) -> Text:
        """One line of a progress display."""
        mark, style = _MARK[health]
        return Text(f"{mark} ", style) + Text(f"{name}: ", "bold") + Text(self._masker.text(text))

    def note(self, text: str) -> Text:
        """A remark in a progress display."""
        return Text(self._masker.text(text), "dim")

    def _sides(self, change: Change) -> Text:
        """The values, on the same line while they are short."""
        now, after = (
            _shown(self._masked(change, value), whole=not change.path) for value in (change.now, change.after)
        )
        if change.kind is Kind.ADDED:
            return Text(f": {after}")
        if change.kind is Kind.REMOVED:
            return Text(f": {now}", "dim")
        if len(now) + len(after) <= _ONE_LINE:
            return Text(f": {now}", "dim") + Text(f" -> {after}")
        return Text(f"\n-     {now}", "red") + Text(f"\n+     {after}", "green")

    def _masked(self, change: Change, value: Any) -> Any:
        return self._masker.value(change.path, value)


@contextmanager
def progress(view: View, title: str) -> Iterator[Progress]:
    """Drawn anew in its place on a terminal, else a line whenever something changes."""
    if not view.live:
        view.say(title, "bold")
        yield LineProgress(view)
        return
    with Live(console=view.console, auto_refresh=False, transient=False) as live:
        yield LiveProgress(view, live, title)


class LiveProgress:
    """A table that is drawn anew in its place."""

    def __init__(self, view: View, live: Live, title: str) -> None:
        self._view = view
        self._live = live
        self._title = title

    def show(self, verdicts: Verdicts, elapsed_s: float, note: str) -> None:
        """The state of now."""
        table = Table.grid()
        table.add_row(Text(f"{self._title} ({elapsed_s:.0f} s)", "bold"))
        for device, verdict in verdicts.items():
            if len(verdicts) > 1:
                table.add_row(Text(device, "bold"))
            for one in verdict.verdicts:
                table.add_row(self._view.row(one.name, one.health, one.text))
        if note:
            table.add_row(self._view.note(note))
        self._live.update(table, refresh=True)


class LineProgress:
    """A line whenever something has changed, for logs."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._told: dict[tuple[str, str], str] = {}
        self._note = ""

    def show(self, verdicts: Verdicts, elapsed_s: float, note: str) -> None:
        """What is new since the last call."""
        for device, verdict in verdicts.items():
            for one in verdict.verdicts:
                if self._told.get((device, one.name)) == one.text:
                    continue
                self._told[device, one.name] = one.text
                name = f"{device}: {one.name}" if len(verdicts) > 1 else one.name
                at = Text(f"{elapsed_s:6.0f} s  ", "dim")
                self._view.console.print(at + self._view.row(name, one.health, one.text))
        kind = note.partition(";")[0]
        if kind and kind != self._note:
            self._view.console.print(Text(f"{elapsed_s:6.0f} s  ", "dim") + self._view.note(note))
        self._note = kind


def _shown(value: Any, *, whole: bool) -> str:
    """A value in a cell; of a whole module its image alone."""
    if whole and isinstance(value, dict):
        image = (
            (value.get("settings") or {}).get("image") if isinstance(value.get("settings"), dict) else None
        )
        value = image or value.get("route") or value
    text = value if isinstance(value, str) and value else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
