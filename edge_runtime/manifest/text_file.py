"""A JSON file of the solution: its text, its values, and the way from a value back to a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.manifest import rules
from edge_runtime.manifest.located_json import JsonSyntaxError, Node, offset_in_string, read
from edge_runtime.manifest.problem import ManifestError, Problem, Rule
from edge_runtime.manifest.variables import Expansion, Reference, expand, literal


@dataclass(slots=True)
class JsonFile:
    """A parsed file and what is wrong in it; offsets are those of the expanded text."""

    path: Path
    expansion: Expansion
    root: Node
    problems: list[Problem] = field(default_factory=list)

    def problem(self, rule: Rule, offset: int, what: str, mend: str = "") -> Problem:
        """A finding at an offset of the expanded text; the rule's mend when none is given."""
        return Problem(rule, self.path, *self.expansion.position(offset), what, mend or rule.mend)

    def report(self, rule: Rule, node: Node, what: str, mend: str = "") -> None:
        """Note a finding at a value."""
        self.problems.append(self.problem(rule, node.start, what, mend))

    def offset_inside(self, node: Node, index: int) -> int:
        """The offset of character `index` of a string value."""
        return offset_in_string(self.expansion.text, node, index)

    def report_undefined(
        self, mend: Callable[[str], str], ignored: Callable[[Reference], bool] = lambda _: False
    ) -> None:
        """Note each variable that has no value, once a place."""
        for reference in self.expansion.undefined:
            if not ignored(reference):
                self.problems.append(_undefined(self.path, self.expansion, reference, mend))


def load_json(
    path: Path, environment: Mapping[str, str] | None, mend: Callable[[str], str], text: str | None = None
) -> JsonFile:
    """Read a file; expand it when an environment is given. Raises ManifestError."""
    source = read_text(path) if text is None else text
    expansion = literal(source) if environment is None else expand(source, environment)
    try:
        reading = read(expansion.text)
    except JsonSyntaxError as error:
        missing = next((r for r in expansion.undefined if r.expanded == error.offset), None)
        cause = _undefined(path, expansion, missing, mend) if missing else _syntax(path, expansion, error)
        raise ManifestError([cause]) from None
    file = JsonFile(path, expansion, reading.root)
    for name, offset in reading.repeated:
        what = f"the name {name!r} is there twice in one object; only the last counts"
        file.problems.append(file.problem(rules.JSON_REPEATED_NAME, offset, what))
    return file


def read_text(path: Path) -> str:
    """The file's text. Raises ManifestError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        what, mend = f"cannot be read: {error.strerror}", "check the path"
    except UnicodeDecodeError:
        what, mend = "is not UTF-8 text", "save it as UTF-8"
    raise ManifestError([Problem(rules.FILE_UNREADABLE, path, 1, 1, what, mend)])


def _undefined(path: Path, expansion: Expansion, reference: Reference, mend: Callable[[str], str]) -> Problem:
    written = f"${{{reference.name}}}" if reference.braced else f"${reference.name}"
    line, column = expansion.position(reference.expanded)
    what = f"the variable {written} has no value"
    return Problem(rules.VARIABLE_UNDEFINED, path, line, column, what, mend(reference.name))


def _syntax(path: Path, expansion: Expansion, error: JsonSyntaxError) -> Problem:
    line, column = expansion.position(error.offset)
    variable = expansion.variable_at(error.offset) or expansion.variable_at(max(error.offset - 1, 0))
    rule, what, mend = rules.JSON_SYNTAX, f"not JSON: {error}", rules.JSON_SYNTAX.mend
    if variable:
        rule, what = rules.VARIABLE_BREAKS_JSON, f"not JSON once {variable} is filled in: {error}"
        mend = f'the value of {variable} goes into the text as it is: write " as \\" and \\ as \\\\ in it'
    return Problem(rule, path, line, column, what, mend)
