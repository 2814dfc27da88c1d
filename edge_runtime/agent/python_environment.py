"""Virtual environments for modules whose image installs packages with pip.

One is made once for what is installed and the Python that installs it, and shared by all modules and devices of this
user that install the same; so only the first start needs a package index, or a folder of wheels (PIP_FIND_LINKS).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.agent.engine import UnstartableError
from edge_runtime.agent.pip_job import Job, Say, reason, refusal, shown, split_secrets
from edge_runtime.manifest.pip_install import PipInstall

_COMPLETE = ".edge-runtime-complete"
_LOCK_POLL_S = 0.2
_INSTALL = ("install", "--no-input", "--progress-bar", "off", "--disable-pip-version-check")
_INCLUDED = re.compile(r"(?:-r|-c|--requirement|--constraint)[ =]*(\S+)")


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/edge-runtime/python`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-runtime" / "python"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`version` is `3.11`; `identity` tells it from others of that version."""

    path: str
    version: str
    identity: str


class PythonEnvironments:
    """The environments below one folder. `mark` is the state folder, by which processes are found again."""

    def __init__(self, cache: Path, mark: Path) -> None:
        self._cache = cache
        self._mark = mark
        self._interpreters: dict[str, Interpreter] = {}

    async def programs(self, installs: Sequence[PipInstall], python: str, say: Say) -> Path:
        """The `bin` folder of an environment with these packages, made if it is not there yet.

        `python` is the version that the image has, "" for any; where this machine lacks it, the runtime's own
        serves. Raises UnstartableError with pip's reason.
        """
        if python not in self._interpreters:
            self._interpreters[python] = await _interpreter(python)
        interpreter = self._interpreters[python]
        try:
            place = self._cache / _key(installs, interpreter)
            if not _usable(place):
                self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
                async with _locked(place.with_suffix(".lock")):
                    if not _usable(place):
                        if python not in {"", interpreter.version}:
                            say(
                                f"its image has Python {python}, which is not on PATH: {interpreter.version} runs it"
                            )
                        await self._make(place, installs, interpreter, say)
        except OSError as error:
            raise UnstartableError(f"the environment of its packages cannot be made: {error}") from error
        return place / "bin"

    async def _make(
        self, place: Path, installs: Sequence[PipInstall], interpreter: Interpreter, say: Say
    ) -> None:
        began = time.monotonic()
        shutil.rmtree(place, ignore_errors=True)
        log = place.with_suffix(".log")
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as output:
            job = Job(self._mark, output.write, say)
            say(f"installing {_named(installs)} into {place} (once)")
            # Without a pip of its own, which takes four seconds to lay out: this interpreter's installs into it.
            lines = await job.run([interpreter.path, "-m", "venv", "--without-pip", str(place)], {})
            if lines is not None:
                raise UnstartableError(f"{interpreter.path} -m venv: {reason(lines)}; all of it: {log}")
            for install in installs:
                arguments, variables = split_secrets(install.arguments)
                pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), *_INSTALL]
                lines = await job.run([*pip, *arguments], variables)
                if lines is not None:
                    raise UnstartableError(refusal(_named([install]), lines, log))
        (place / _COMPLETE).write_text("")
        say(f"installed {_named(installs)} in {time.monotonic() - began:.0f} s")


def _usable(place: Path) -> bool:
    return (place / _COMPLETE).exists() and (place / "bin" / "python").exists()


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Held by one at a time, in this process or another; the kernel frees it when its holder ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_POLL_S)
        yield
    finally:
        os.close(descriptor)


async def _interpreter(version: str) -> Interpreter:
    """Python of that version on PATH, else the one that runs this."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = shutil.which(f"python{version}") if version not in {"", own} else None
    if found is not None and await _says(found) == version:
        return Interpreter(found, version, f"{os.path.realpath(found)} {version}")
    base = getattr(sys, "_base_executable", sys.executable)
    return Interpreter(sys.executable, own, f"{os.path.realpath(base)} {platform.python_version()}")


async def _says(python: str) -> str:
    """The version that an interpreter says it has; "" for a launcher that leads to none, or what cannot be run."""
    try:
        process = await asyncio.create_subprocess_exec(
            python,
            "-c",
            "import sys; print('%d.%d' % sys.version_info[:2])",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    output, _ = await process.communicate()
    return output.decode("ascii", "replace").strip()


def _key(installs: Sequence[PipInstall], interpreter: Interpreter) -> str:
    """Names the environment: the same for the same packages, whatever folder asks for them."""
    parts: list[str] = [interpreter.identity, platform.machine()]
    for install in installs:
        names = {str(file): file.name for file in install.files}
        parts.append(json.dumps([names.get(word, word) for word in install.arguments]))
        parts += [hashlib.sha256(content).hexdigest() for content in _contents(install.files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _contents(files: Sequence[Path]) -> Iterator[bytes]:
    """Of the files and of all that requirement files include."""
    waiting, seen = list(files), set(files)
    while waiting:
        file = waiting.pop(0)
        content = file.read_bytes()
        yield content
        if file.suffix in {".txt", ".in"}:
            text = content.decode("utf-8", "replace")
            included = [
                file.parent / match[1] for line in text.splitlines() if (match := _INCLUDED.match(line))
            ]
            new = [path for path in included if path.is_file() and path not in seen]
            waiting += new
            seen.update(new)


def _named(installs: Sequence[PipInstall]) -> str:
    files = [file.name for install in installs for file in install.files]
    return ", ".join(files) or shown(installs[0].arguments)
