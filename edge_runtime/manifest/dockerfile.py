"""How to start a module, read from the last stage of its Dockerfile.

There is no second description of a module's start: what the image copies, sets and runs is what the
process engine copies (as links), sets and runs; what its last stage installs with pip is installed into an
environment of the module's own. What only a container can do (any other RUN, USER, COPY --from, EXPOSE...)
is passed over.

DockerfileError   the file has no start that works without a container; names file, line and mend
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_runtime.manifest import healthcheck
from edge_runtime.manifest.dockerfile_lines import Instruction, instructions
from edge_runtime.manifest.healthcheck import Healthcheck, InvalidHealthcheckError
from edge_runtime.manifest.pip_install import PipInstall, UnreadableError, pip_installs

_VARIABLE = re.compile(r"\\(.)|\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})", re.ASCII)
_PIECE = re.compile(r""""((?:\\.|[^"\\])*)"|'([^']*)'|((?:\\.|[^\s"'\\])+)""")
_WORD = re.compile(rf"(?:{_PIECE.pattern})+")
_FLAG = re.compile(r"--[a-z-]+(?:=\S*)?")
_PYTHON_IMAGE = re.compile(r"(?:.*/)?python:([0-9]+\.[0-9]+)(?![0-9]).*")
_PASSED_OVER = frozenset(
    [
        "USER",
        "EXPOSE",
        "LABEL",
        "STOPSIGNAL",
        "VOLUME",
        "SHELL",
        "MAINTAINER",
        "ONBUILD",
    ]
)


class DockerfileError(Exception):
    """The Dockerfile cannot be used to start a process."""

    def __init__(self, file: Path, line: int, what: str, mend: str) -> None:
        super().__init__(f"{file}:{line}: {what} ({mend})")
        self.file = file
        self.line = line
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Copy:
    """`source` exists, below the build context; `destination` is the absolute path in the image.

    A folder's content lands in `destination`, a file becomes `destination` itself.
    """

    source: Path
    destination: str


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """What a process needs of an image. `env` has no PATH: an image's PATH names places in the image.

    `python`: the version that the base image `python:X.Y...` says, "" for any other base. `passed_over`: what pip
    would install in the image and cannot be read here, a sentence each.
    """

    workdir: str
    copies: tuple[Copy, ...]
    env: Mapping[str, str]
    command: tuple[str, ...]
    installs: tuple[PipInstall, ...] = ()
    python: str = ""
    passed_over: tuple[str, ...] = ()
    healthcheck: Healthcheck | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """A RUN instruction where it stands: what it would find in the image."""

    instruction: Instruction
    command: str
    workdir: str
    copies: tuple[Copy, ...]

    def find(self, path: str) -> Path | None:
        """The file of the build context that stands at a path of the image."""
        wanted = posixpath.normpath(posixpath.join(self.workdir, path))
        for copy in reversed(self.copies):
            if copy.source.is_file() and copy.destination == wanted:
                return copy.source
            inside = copy.source / posixpath.relpath(wanted, copy.destination)
            if (
                copy.source.is_dir()
                and f"{wanted}/".startswith(f"{copy.destination.rstrip('/')}/")
                and inside.is_file()
            ):
                return inside
        return None


@dataclass(frozen=True, slots=True)
class _Stage:
    base: str = ""
    workdir: str = "/"
    copies: tuple[Copy, ...] = ()
    runs: tuple[_Run, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    entrypoint: Instruction | None = None
    command: Instruction | None = None
    healthcheck: Healthcheck | None = None


def read(file: Path, context: Path, build_arguments: Mapping[str, str] | None = None) -> ImageRecipe:
    """The recipe of the last stage. Raises DockerfileError.

    `build_arguments` are those of `--build-arg`; other ARGs have the default of their declaration.
    """
    return _Reader(file, context, build_arguments or {}).recipe()


class _Reader:
    def __init__(self, file: Path, context: Path, given: Mapping[str, str]) -> None:
        self.file = file
        self.context = context.resolve()
        self.given = given
        self.defaults: dict[str, str] = {}
        self.stages: dict[str, _Stage] = {}

    def recipe(self) -> ImageRecipe:
        try:
            text = self.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            what = f"cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"
            raise DockerfileError(
                self.file, 1, what, "write it, or correct the path in module.json"
            ) from None
        stage, name, last = None, "", 1
        for instruction in instructions(text):
            last = instruction.line
            if instruction.word == "FROM":
                stage, name = self._from(instruction)
            elif stage is None:
                self._argument(instruction, _Stage(), self.defaults)
            else:
                stage = self._apply(instruction, stage)
            if stage is not None:
                self.stages[name] = stage
        if stage is None:
            raise DockerfileError(self.file, last, "there is no FROM", "begin with FROM <image>")
        return self._finished(stage, last)

    def _from(self, instruction: Instruction) -> tuple[_Stage, str]:
        words = [w for w in _expand(instruction.rest, self.defaults).split() if not w.startswith("--")]
        base = self.stages.get(words[0].lower()) if words else None
        name = words[2].lower() if len(words) == 3 and words[1].lower() == "as" else ""
        return (replace(base, arguments={}) if base else _Stage(base=words[0] if words else "")), name

    def _apply(self, instruction: Instruction, stage: _Stage) -> _Stage:
        known = {**stage.arguments, **stage.env}
        changes: dict[str, Any] = {}
        match instruction.word:
            case "ARG":
                changes["arguments"] = dict(stage.arguments)
                self._argument(instruction, stage, changes["arguments"])
            case "ENV":
                changes["env"] = {**stage.env, **self._pairs(instruction, known)}
            case "WORKDIR":
                path = posixpath.join(stage.workdir, _expand(instruction.rest, known).strip("\"'"))
                changes["workdir"] = posixpath.normpath(path)
            case "COPY" | "ADD":
                changes["copies"] = stage.copies + self._copies(instruction, stage, known)
            case "RUN":
                command = _expand(re.sub(rf"^(?:{_FLAG.pattern}\s+)+", "", instruction.rest), known)
                run = _Run(instruction, command, stage.workdir, stage.copies)
                changes["runs"] = (*stage.runs, run)
            case "CMD":
                changes["command"] = instruction
            case "ENTRYPOINT":
                changes["entrypoint"] = instruction
            case "HEALTHCHECK":
                changes["healthcheck"] = self._healthcheck(instruction)
            case word if word not in _PASSED_OVER:
                raise self._error(instruction, f"unknown instruction {word}", "correct its spelling")
        return replace(stage, **changes)

    def _argument(self, instruction: Instruction, stage: _Stage, into: dict[str, str]) -> None:
        if instruction.word != "ARG":
            raise self._error(instruction, f"{instruction.word} before the first FROM", "move it below FROM")
        for word in self._words(instruction, {**stage.arguments, **stage.env}):
            name, equals, default = word.partition("=")
            value = self.given.get(name, default if equals else self.defaults.get(name))
            if value is not None:
                into[name] = value

    def _pairs(self, instruction: Instruction, known: Mapping[str, str]) -> dict[str, str]:
        name, blank, value = instruction.rest.partition(" ")
        if blank and "=" not in name:
            return {name: _expand(value.strip(), known)}
        pairs = dict(word.partition("=")[::2] for word in self._words(instruction, known))
        pairs.pop("PATH", None)
        return pairs

    def _words(self, instruction: Instruction, known: Mapping[str, str]) -> list[str]:
        """Blank-separated words; a value that is filled in is never split, single quotes keep all as it is."""
        if _WORD.sub("", instruction.rest).strip():
            raise self._error(instruction, "a quote has no end", "close the quote")
        return [
            "".join(
                piece[2] if piece[2] is not None else _expand(piece[1] or piece[3] or "", known)
                for piece in _PIECE.finditer(word[0])
            )
            for word in _WORD.finditer(instruction.rest)
        ]

    def _copies(self, instruction: Instruction, stage: _Stage, known: Mapping[str, str]) -> tuple[Copy, ...]:
        rest = _expand(instruction.rest, known)
        while flag := _FLAG.match(rest):
            if flag[0].startswith("--from="):
                return ()
            rest = rest[flag.end() :].lstrip()
        if rest.startswith("<<"):
            raise self._error(
                instruction, "COPY <<EOF needs BuildKit", "put the text into a file and copy that"
            )
        words = _exec_form(rest) or rest.split()
        if len(words) < 2:
            raise self._error(
                instruction, f"{instruction.word} needs a source and a destination", "give both"
            )
        found = [path for word in words[:-1] for path in self._sources(instruction, word)]
        target = posixpath.normpath(posixpath.join(stage.workdir, words[-1]))
        into = words[-1].endswith(("/", "/.")) or words[-1] == "."
        return tuple(
            Copy(path, posixpath.join(target, path.name) if into and path.is_file() else target)
            for path in found
        )

    def _sources(self, instruction: Instruction, word: str) -> list[Path]:
        inside = word.lstrip("/")
        wild = any(sign in inside for sign in "*?[")
        found = sorted(self.context.glob(inside)) if wild else [(self.context / inside).resolve()]
        missing = not found or not all(path.exists() for path in found)
        if missing or not all(path.resolve().is_relative_to(self.context) for path in found):
            what = f"{instruction.word} {word}: there is no such file or folder in the build context"
            raise self._error(instruction, what, f"the path is relative to {self.context}")
        return found

    def _finished(self, stage: _Stage, last: int) -> ImageRecipe:
        starts = [i for i in (stage.entrypoint, stage.command) if i is not None]
        if not starts:
            mend = 'end with CMD ["python3", "-m", "<package>"]'
            raise DockerfileError(self.file, last, "the last stage has no CMD", mend)
        command: list[str] = []
        for instruction in starts:
            words = _exec_form(instruction.rest)
            if words is None:
                mend = f'write the list form: {instruction.word} ["python3", "-m", "<package>"]'
                raise self._error(instruction, f"{instruction.word} in shell form needs a shell", mend)
            command += words
        if not command or command[0].startswith("/"):
            what = f"the start {command[0]!r} is an absolute path" if command else "the start is empty"
            raise self._error(
                starts[0], what, 'name the program alone, such as "python3": it is found on PATH'
            )
        installs, passed_over = self._installs(stage)
        version = _PYTHON_IMAGE.fullmatch(stage.base)
        return ImageRecipe(
            stage.workdir,
            stage.copies,
            dict(stage.env),
            tuple(command),
            tuple(installs),
            version[1] if version else "",
            tuple(passed_over),
            stage.healthcheck,
        )

    def _installs(self, stage: _Stage) -> tuple[list[PipInstall], list[str]]:
        found: list[PipInstall] = []
        passed_over: list[str] = []
        for run in stage.runs:
            try:
                found += pip_installs(run.command, run.find)
            except UnreadableError as error:
                line = f"{self.file}:{run.instruction.line}"
                passed_over.append(f"{line}: pip install is passed over: {error}")
            except FileNotFoundError as error:
                what = f"RUN pip install: no COPY above it puts {error} into the image"
                raise self._error(run.instruction, what, "copy it first, or correct its path") from None
        return found, passed_over

    def _healthcheck(self, instruction: Instruction) -> Healthcheck | None:
        try:
            return healthcheck.parse(instruction.rest)
        except InvalidHealthcheckError as error:
            mend = 'write HEALTHCHECK --interval=30s CMD ["python3", "-m", "<package>"]'
            raise self._error(instruction, str(error), mend) from None

    def _error(self, instruction: Instruction, what: str, mend: str) -> DockerfileError:
        return DockerfileError(self.file, instruction.line, what, mend)


def _exec_form(rest: str) -> list[str] | None:
    try:
        words = json.loads(rest)
    except json.JSONDecodeError:
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def _expand(text: str, known: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        found = known.get(match[2] or match[3], "")
        if match[4] == "-":
            return found or match[5]
        if match[4] == "+":
            return match[5] if found else ""
        return found

    return _VARIABLE.sub(value, text)
