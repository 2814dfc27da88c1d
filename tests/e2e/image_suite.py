"""What the suites that build images share: patience for a build, and what is told at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Tell = Callable[[str], None]
TOLD = pytest.StashKey[list[str]]()
"""What the fixture `tell` has collected."""


def write_told(terminalreporter: pytest.TerminalReporter, config: pytest.Config, title: str) -> None:
    """What the tests told, as a section of the summary."""
    lines = config.stash.get(TOLD, [])
    if lines:
        terminalreporter.section(title)
        terminalreporter.write_line("\n".join(lines))


def be_patient(items: list[pytest.Item], folder: Path, build_s: int) -> None:
    """Whichever test of the folder comes first waits for images, none of whose layers may be here yet."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.timeout(build_s))
