"""Variables: the environment, completed from a `.env` file (spec F.4: the environment wins)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from dotenv.variables import parse_variables

from edge_runtime.manifest import rules
from edge_runtime.manifest.problem import ManifestError, Problem


@dataclass(frozen=True, slots=True)
class Variables:
    """Name to value, the file that completed the environment, and what is wrong in that file.

    `described` gives the line on which `.env.template` explains a name, for the mend of a missing one;
    `overridden` the line of a name that the environment gives another value than `file`.
    """

    values: Mapping[str, str]
    file: Path | None
    template: Path | None
    described: Mapping[str, int]
    overridden: Mapping[str, int]
    problems: tuple[Problem, ...]

    def mend(self, name: str) -> str:
        """How to give a missing variable its value."""
        where = f"in {self.file}" if self.file else "in the environment"
        line = self.described.get(name)
        known = f"; {self.template}:{line} explains it" if line else ""
        return f"set {name}=... {where}, or take ${{{name}}} out{known}"


def variables(root: Path, environment: Mapping[str, str], env_file: Path | None = None) -> Variables:
    """Read `env_file`, else `root/.env`, else `root/.env.template`, whose values are the defaults.

    The last step lets a fresh clone run before anybody wrote a `.env`. Raises ManifestError when a file
    that was asked for cannot be read.
    """
    template = root / ".env.template"
    file = env_file or next((f for f in (root / ".env", template) if f.is_file()), None)
    bindings = _read(file) if file else []
    problems = tuple(_malformed(file, b) for b in bindings if file and (b.error or _valueless(b)))
    described = {b.key: _line(b) for b in _read(template) if b.key} if template.is_file() else {}
    return Variables(
        values=_resolve(bindings, environment),
        file=file,
        template=template if described else None,
        described=described,
        overridden=_overridden(bindings, environment) if file != template else {},
        problems=problems,
    )


def entries(file: Path) -> list[tuple[str, str, int]]:
    """Name, value and line of what a `.env` file gives by itself. Raises ManifestError."""
    bindings = _read(file)
    values = _resolve(bindings, {})
    return [(b.key, values[b.key], _line(b)) for b in bindings if b.key in values and b.key is not None]


def _overridden(bindings: list[Binding], environment: Mapping[str, str]) -> dict[str, int]:
    own = _resolve(bindings, {})
    lines = {binding.key: _line(binding) for binding in bindings if binding.key is not None}
    return {name: lines[name] for name, value in own.items() if environment.get(name, value) != value}


def _read(file: Path) -> list[Binding]:
    try:
        with file.open(encoding="utf-8") as stream:
            return list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        mend = "create it (cp .env.template .env), or name another with --env-file"
        raise ManifestError(
            [Problem(rules.FILE_UNREADABLE, file, 1, 1, f"cannot be read: {reason}", mend)]
        ) from None


def _valueless(binding: Binding) -> bool:
    return binding.key is not None and binding.value is None


def _line(binding: Binding) -> int:
    """The parser counts a binding from the blank lines before it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")


def _malformed(file: Path, binding: Binding) -> Problem:
    rule = rules.ENV_LINE
    return Problem(rule, file, _line(binding), 1, "not a NAME=value line", rule.mend)


def _resolve(bindings: list[Binding], environment: Mapping[str, str]) -> dict[str, str]:
    """Values may refer to each other as `${NAME}`, with or without `:-default`; the environment wins."""
    values: dict[str, str] = {}
    for binding in bindings:
        if binding.key is None or binding.value is None:
            continue
        known = {**values, **environment}
        values[binding.key] = "".join(atom.resolve(known) for atom in parse_variables(binding.value))
    return {**values, **environment}
