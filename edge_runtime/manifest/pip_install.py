"""`RUN pip install ...` of a Dockerfile, as far as it can be done without a container.

Whoever builds the image has a shell; here the command is read word by word. What cannot be read for certain (a
command substitution, a folder that is itself the package) is told, never guessed.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

_PIP = re.compile(r"pip[0-9.]*")
_PYTHON = re.compile(r"python[0-9.]*")
_ASSIGNMENT = re.compile(r"\w+=.*")
_PIP_ITSELF = re.compile(r"pip\b(?!-).*")
_BETWEEN_COMMANDS = frozenset({"&&", "||", ";", "|", "&", "(", ")"})
_WITH_VALUE = frozenset({"--extra-index-url", "--trusted-host", "--only-binary", "--no-binary"})
_FLAGS = frozenset(
    {"--pre", "--no-deps", "--require-hashes", "--no-index", "--no-build-isolation", "--prefer-binary"}
)
# Of no meaning in an environment of the module's own.
_DROPPED = (
    *(
        "-U",
        "--upgrade",
        "-I",
        "--ignore-installed",
        "--force-reinstall",
        "--user",
        "--break-system-packages",
    ),
    *("-q", "-qq", "--quiet", "-v", "--verbose", "--no-color", "--no-input", "--isolated"),
    *("--no-cache-dir", "--no-cache", "--compile", "--no-compile"),
    *("--disable-pip-version-check", "--no-warn-script-location"),
)
_DROPPED_WITH_VALUE = ("--progress-bar", "--timeout", "--default-timeout", "--retries", "--root-user-action")


class UnreadableError(Exception):
    """The command cannot be read; `str()` says which word and why."""


@dataclass(frozen=True, slots=True)
class PipInstall:
    """What follows `pip install`; `files` of the build context stand in `arguments` by their real paths."""

    arguments: tuple[str, ...]
    files: tuple[Path, ...] = ()


def pip_installs(command: str, find: Callable[[str], Path | None]) -> Iterator[PipInstall]:
    """The installations of a RUN instruction.

    `find` gives the file of the build context that stands at a path of the image, None for none.
    Raises UnreadableError for one that is there and cannot be read; FileNotFoundError for a file that is missing.
    """
    for words in _commands(command):
        given = _after_install(words)
        if given:
            install = _read(given, find)
            if install.arguments:
                yield install


def _commands(command: str) -> Iterator[list[str]]:
    try:
        exec_form = json.loads(command)
    except json.JSONDecodeError:
        exec_form = None
    if isinstance(exec_form, list):
        yield [str(word) for word in exec_form]
        return
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if word in _BETWEEN_COMMANDS:
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # an open quote: the shell's matter
        return
    yield words


def _after_install(words: Sequence[str]) -> list[str]:
    """What follows `pip install` or `python3 -m pip install`; empty for any other command."""
    rest = list(words)
    while rest and (_ASSIGNMENT.fullmatch(rest[0]) or rest[0] == "sudo"):
        rest.pop(0)
    program = rest.pop(0).rpartition("/")[2] if rest else ""
    if _PYTHON.fullmatch(program):
        while rest and rest[0].startswith("-") and rest[0] != "-m":
            rest.pop(0)
        if rest[:2] != ["-m", "pip"]:
            return []
        rest = rest[2:]
    elif not _PIP.fullmatch(program):
        return []
    while rest and rest[0].startswith("-") and rest[0] != "--python":
        rest.pop(0)
    return rest[1:] if rest[:1] == ["install"] else []


class _Parser(argparse.ArgumentParser):
    """Of pip's own options those that may stand in a Dockerfile."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.add_argument("requirements", nargs="*")
        for names in (("-r", "--requirement"), ("-c", "--constraint"), *((name,) for name in _WITH_VALUE)):
            self.add_argument(*names, action="append", default=[], dest=names[-1])
        self.add_argument("-i", "--index-url", action="append", default=[], dest="--index-url")
        for name in _FLAGS:
            self.add_argument(name, action="store_true", dest=name)
        for name in _DROPPED:
            self.add_argument(name, action="store_true", dest="dropped")
        for name in _DROPPED_WITH_VALUE:
            self.add_argument(name, dest="dropped")

    def error(self, message: str) -> NoReturn:
        raise UnreadableError(message)


def _read(words: list[str], find: Callable[[str], Path | None]) -> PipInstall:
    files: list[Path] = []

    def file(path: str) -> str:
        found = find(path)
        if found is None:
            raise FileNotFoundError(path)
        files.append(found)
        return str(found)

    shell = next((word for word in words if "$" in word or "`" in word), None)
    if shell is not None:
        raise UnreadableError(f"{shell!r} needs a shell")
    given = vars(_Parser().parse_intermixed_args(words))
    wanted = [_requirement(word, file) for word in given["requirements"] if not _PIP_ITSELF.fullmatch(word)]
    for name in ("--requirement", "--constraint"):
        wanted += [part for path in given[name] for part in (name, file(path))]
    if not wanted:
        return PipInstall(())
    for name in ("--index-url", *sorted(_WITH_VALUE)):
        wanted += [part for value in given[name] for part in (name, value)]
    return PipInstall((*wanted, *(flag for flag in sorted(_FLAGS) if given[flag])), tuple(files))


def _requirement(word: str, file: Callable[[str], str]) -> str:
    if word.endswith((".whl", ".tar.gz", ".zip")) and "://" not in word:
        return file(word)
    if word.startswith((".", "/")):
        raise UnreadableError(f"{word} is a folder, which only the image's build can install")
    return word
