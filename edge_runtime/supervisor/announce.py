"""What `run` prints: a line as something changes, for people or (`--json`) for programs.

No secrets, but for the page's address, which bears its token: whoever may read this may open the page.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime

from edge_runtime.agent.module import ModuleState


class Announcer:
    """Writes to standard output, and goes on in silence when nobody reads it any more."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last: dict[str, tuple[str, str]] = {}

    def module(self, state: ModuleState) -> None:
        """A module's state, when it says something new."""
        shown = (state.status.value, state.description)
        if self._last.get(state.name) == shown:
            return
        self._last[state.name] = shown
        self.say("module", f"{state.name}: {state.status} ({state.description})", **_fields(state))

    def say(self, kind: str, text: str, **fields: object) -> None:
        """One line; `fields` are for programs only."""
        if self._as_json:
            line = json.dumps({"type": kind, "at": _now(), "message": text, **fields})
        else:
            line = f"{_now()} {text}"
        write(line)

    def trouble(self, text: str) -> None:
        """One line on standard error, whatever the format."""
        try:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass


def write(line: str) -> None:
    """Print, unless standard output is closed or its reader has gone."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        return


def _fields(state: ModuleState) -> dict[str, object]:
    return {
        "module": state.name,
        "runtimeStatus": state.status.value,
        "statusDescription": state.description,
        "exitCode": state.exit_code,
        "restartCount": state.restart_count,
    }


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
