"""Images that start their program under debugpy, as debug templates have them: what that means for a process.

In a container debugpy listens on every address of the container, and createOptions publish its port on one of the
device. A process has no container around it: listening on every address would offer whoever is on the network to run
code here. So it listens on the device's own address, on the port that createOptions publish.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WITH_VALUE = frozenset({"--listen", "--connect", "--log-to"})


@dataclass(frozen=True, slots=True)
class DebugStart:
    """A command taken apart: `python3 -u`, debugpy's own options, and what it debugs (`-m camera`)."""

    python: tuple[str, ...]
    options: tuple[tuple[str, ...], ...]
    target: tuple[str, ...]

    @property
    def plain(self) -> tuple[str, ...]:
        """The command without the debugger."""
        return (*self.python, *self.target)

    def listening(self, address: str, create_options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
        """The command with the debugger on this address, and where it listens ("" when it calls out instead)."""
        words: list[str] = []
        place = ""
        for option in self.options:
            if option[0] == "--listen":
                port = option[1].rpartition(":")[2]
                place = f"{address}:{_published(create_options, port)}"
                words += [option[0], place]
            else:
                words += option
        return (*self.python, "-m", "debugpy", *words, *self.target), place


def debug_start(command: Sequence[str]) -> DebugStart | None:
    """None for a command that starts no debugpy."""
    words = list(command)
    for place in range(1, len(words) - 2):
        if words[place : place + 2] == ["-m", "debugpy"]:
            options, target = _options(words[place + 2 :])
            return DebugStart(tuple(words[:place]), tuple(options), tuple(target)) if target else None
        if not words[place].startswith("-") or words[place] in {"-m", "-c"}:
            return None
    return None


def has_debugpy(programs: Path | None) -> bool:
    """Whether the module's Python has it: that of `programs`, a `bin` folder, else the one that runs this."""
    if programs is None:
        return importlib.util.find_spec("debugpy") is not None
    return any((programs.parent / "lib").glob("python*/site-packages/debugpy"))


def _options(words: list[str]) -> tuple[list[tuple[str, ...]], list[str]]:
    options: list[tuple[str, ...]] = []
    while words and words[0].startswith("--"):
        takes = words[0] in _WITH_VALUE or words[0].startswith("--configure-")
        options.append(tuple(words[: 2 if takes else 1]))
        words = words[2 if takes else 1 :]
    return options, words


def _published(create_options: Mapping[str, Any], port: str) -> str:
    """The device's port for a container's; the same where createOptions say nothing of it."""
    found: Any = create_options
    for name in ("HostConfig", "PortBindings", f"{port}/tcp"):
        found = found.get(name) if isinstance(found, dict) else None
    first = found[0] if isinstance(found, list) and found else None
    return str(first.get("HostPort") or port) if isinstance(first, dict) else port
