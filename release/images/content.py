"""What an image is made of, as one number: the same inputs give the same number on every machine.

In it: the Dockerfile, the ids of the images that it starts from, each file that it copies from the build context,
the build options and the platform. Not in it: times and owners of files, and what Debian's mirror holds on the day.

ContentError   the number cannot be made; names file and line
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from docker.utils.build import exclude_paths

from edge_runtime.manifest import ModuleSource
from edge_runtime.manifest.dockerfile_lines import Instruction, instructions

_FORMAT = "content/1"


class ContentError(Exception):
    """A Dockerfile whose inputs cannot be told."""


def base_images(dockerfile: Path) -> tuple[str, ...]:
    """The images that the stages start from, or copy from, in order; a stage of the file itself is none."""
    stages: set[str] = set()
    found: dict[str, None] = {}
    number = 0
    for instruction in _read(dockerfile):
        words = _words(dockerfile, instruction)
        named = [word.partition("=")[2] for word in words if word.startswith("--from=")]
        if instruction.word == "FROM":
            name, *alias = (word for word in words if not word.startswith("--"))
            named = [name]
            _refuse_variables(dockerfile, instruction, named)
        found |= dict.fromkeys(
            name for name in named if name.lower() not in stages and name not in {"scratch", ""}
        )
        if instruction.word == "FROM":
            stages |= {str(number), *(word.lower() for word in alias[1:])}
            number += 1
    return tuple(found)


def copied_files(source: ModuleSource) -> tuple[Path, ...]:
    """Every file of the build context that the Dockerfile copies, sorted. Raises ContentError."""
    context = _context(source)
    found: set[str] = set()
    for instruction in _read(source.dockerfile):
        if instruction.word not in {"COPY", "ADD"}:
            continue
        words = _words(source.dockerfile, instruction)
        if any(word.startswith("--from=") for word in words):
            continue
        paths = [word for word in words if not word.startswith("--")][:-1]
        _refuse_variables(source.dockerfile, instruction, paths)
        for path in paths:
            matched = {name for name in context if _copies(path, name)}
            if not matched:
                raise ContentError(
                    f"{source.dockerfile}:{instruction.line}: {instruction.word} {path}: the build context "
                    f"{source.context} has no such file, or its .dockerignore leaves it out"
                )
            found |= matched
    return tuple(source.context / name for name in sorted(found))


def content_sha256(source: ModuleSource, base_ids: Mapping[str, str]) -> str:
    """64 hexadecimal digits. `base_ids`: the id of each of `base_images`. Raises ContentError."""
    inputs = {
        "format": _FORMAT,
        "platform": source.platform,
        "dockerfile": _sha256(source.dockerfile),
        "buildOptions": list(source.build_options),
        "bases": {name: base_ids[name] for name in base_images(source.dockerfile)},
        "files": [
            [file.relative_to(source.context).as_posix(), _executable(file), _sha256(file)]
            for file in copied_files(source)
        ],
    }
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _context(source: ModuleSource) -> tuple[str, ...]:
    """Files of the build context as the engine gets it: relative, with slashes."""
    ignore = source.context / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    names: set[str] = exclude_paths(str(source.context), patterns)
    return tuple(name for name in names if (source.context / name).is_file())


def _copies(path: str, name: str) -> bool:
    """Whether COPY of `path`, a file, a folder or a pattern, takes the file `name`."""
    wanted = PurePosixPath(path.lstrip("/")).as_posix()
    parents = [name, *(parent.as_posix() for parent in PurePosixPath(name).parents)]
    return any(_fits(wanted, parent) for parent in parents)


def _fits(pattern: str, name: str) -> bool:
    parts, own = PurePosixPath(pattern).parts, PurePosixPath(name).parts
    return len(parts) == len(own) and all(map(fnmatchcase, own, parts))


def _read(dockerfile: Path) -> Iterator[Instruction]:
    return instructions(dockerfile.read_text(encoding="utf-8"))


def _words(dockerfile: Path, instruction: Instruction) -> list[str]:
    if instruction.word not in {"FROM", "COPY", "ADD"}:
        return []
    try:
        if "[" in instruction.rest:
            flags, _, listed = instruction.rest.partition("[")
            return [*flags.split(), *map(str, json.loads(f"[{listed}"))]
        return shlex.split(instruction.rest)
    except ValueError as error:
        raise ContentError(f"{dockerfile}:{instruction.line}: {instruction.word}: {error}") from error


def _refuse_variables(dockerfile: Path, instruction: Instruction, words: list[str]) -> None:
    for word in words:
        if "$" in word or "://" in word:
            raise ContentError(
                f"{dockerfile}:{instruction.line}: {instruction.word} {word}: what this brings is not known before the "
                "build, so the image's content has no number; name it in full"
            )


def _executable(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o111)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
