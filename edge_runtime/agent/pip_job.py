"""Programs that make an environment: run one after the other, their output kept, their end explained."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge_runtime.agent.kernel import MARK

_PROGRESS_S = 5.0
_LONGEST_LINE = 1024 * 1024
_WORTH_SHOWING = re.compile(r"\s*(?:Collecting|Downloading|Building|Installing) ")
_NO_INDEX = re.compile(
    r"NewConnectionError|NameResolutionError|Temporary failure|Network is unreachable|Max retries"
)
# An index's address may hold a password, which the process list would show.
_BY_VARIABLE = {"--index-url": "PIP_INDEX_URL", "--extra-index-url": "PIP_EXTRA_INDEX_URL"}
_CREDENTIALS = re.compile(r"(?<=//)[^/@\s]+(?=@)")
_NOT_FOR_PIP = frozenset(
    {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "PIP_TARGET"}
)
Say = Callable[[str], None]


class Job:
    """Child processes one after the other, whose output is kept and now and then shown."""

    def __init__(self, mark: Path, write: Callable[[str], object], say: Say) -> None:
        self._mark = mark
        self._write = write
        self._say = say
        self._said_at = time.monotonic()

    async def run(self, command: Sequence[str], variables: Mapping[str, str]) -> list[str] | None:
        """None when it went well, else its output. Raises OSError when it cannot be started."""
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_PIP}
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**environment, **variables, MARK: str(self._mark)},
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
        lines: list[str] = []
        try:
            if process.stdout is not None:
                async for raw in process.stdout:
                    lines.append(raw.decode("utf-8", "replace").rstrip())
                    self._show(lines[-1])
            code = await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return lines if code else None

    def _show(self, line: str) -> None:
        self._write(f"{line}\n")
        if _WORTH_SHOWING.match(line) and time.monotonic() - self._said_at > _PROGRESS_S:
            self._said_at = time.monotonic()
            self._say(f"pip: {line.strip()}")


def split_secrets(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The arguments without the addresses of indexes, which go to pip by its variables."""
    kept: list[str] = []
    variables: dict[str, str] = {}
    rest = iter(arguments)
    for word in rest:
        if word in _BY_VARIABLE:
            name = _BY_VARIABLE[word]
            variables[name] = f"{variables.get(name, '')} {next(rest)}".strip()
        else:
            kept.append(word)
    return kept, variables


def shown(arguments: Sequence[str]) -> str:
    """The arguments as anybody may read them: without indexes, and with no one's name or password in addresses."""
    return _CREDENTIALS.sub("****", " ".join(split_secrets(arguments)[0]))


def reason(lines: Sequence[str]) -> str:
    """The errors that pip names, or else its last words."""
    errors = [line.removeprefix("ERROR: ").strip() for line in lines if line.startswith("ERROR: ")]
    return "; ".join(errors[:2]) or next((line for line in reversed(lines) if line), "no output")


def refusal(what: str, lines: Sequence[str], log: Path) -> str:
    """Why pip could not install `what`, with the mend where there is one."""
    mend = ""
    if any(_NO_INDEX.search(line) for line in lines):
        mend = (
            "; the package index cannot be reached: connect for one start, or give a folder of wheels with "
            "PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR"
        )
    return f"pip cannot install {what}: {reason(lines)}{mend} (all of its output: {log})"
