"""`python -m edge_runtime check`: the doctor on the command line.

Exit codes: 0 nothing wrong (warnings count with --strict only), 1 errors, 2 no manifest can be made of a file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edge_runtime.manifest.check import check, in_order
from edge_runtime.manifest.manifest import load
from edge_runtime.manifest.problem import ManifestError, Problem, Severity
from edge_runtime.manifest.rule_table import rule_table
from edge_runtime.manifest.tool_differences import check_tool_differences

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}
_ERRORS, _UNREADABLE = 1, 2


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was found in one file; `summary` is None when no manifest could be made of it."""

    file: Path
    problems: Sequence[Problem]
    summary: str | None

    def exit_code(self, *, strict: bool) -> int:
        if self.summary is None:
            return _UNREADABLE
        return _ERRORS if any(strict or p.severity is Severity.ERROR for p in self.problems) else 0


def main(argv: Sequence[str]) -> int:
    """Check manifests and templates and print what was found."""
    arguments = _parser().parse_args(argv)
    if arguments.rules:
        sys.stdout.write(rule_table())
        return 0
    files = arguments.manifest or sorted(Path().glob("deployment*.template.json"))
    if not files:
        sys.stderr.write("no deployment*.template.json in this folder: name the files to check\n")
        return _UNREADABLE
    checked = [_check(file, arguments.platform, arguments.env_file) for file in files]
    if arguments.json:
        problems = [_document(problem) for one in checked for problem in one.problems]
        sys.stdout.write(json.dumps({"problems": problems}, indent=2) + "\n")
    else:
        _print(checked)
    return max(one.exit_code(strict=arguments.strict) for one in checked)


def _check(file: Path, platform: str | None, env_file: Path | None) -> _Checked:
    try:
        manifest = load(file, environment=os.environ, platform=platform, env_file=env_file)
        found = {*check(manifest), *check_tool_differences(manifest)}
    except ManifestError as error:
        return _Checked(file, error.problems, None)
    summary = f"{len(manifest.modules)} modules, platform {manifest.platform}"
    return _Checked(file, in_order(manifest, found), summary)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime check",
        description="Say what is wrong with a deployment, and how to mend it. Needs no network.",
        epilog="exit codes: 0 nothing wrong, or warnings without --strict; 1 errors; "
        "2 a file cannot be read as a manifest, or wrong arguments",
    )
    parser.add_argument(
        "manifest",
        type=Path,
        nargs="*",
        help="deployment manifests or templates (default: deployment*.template.json of this folder)",
    )
    parser.add_argument("--env-file", type=Path, help="variables (default: .env beside modules/)")
    parser.add_argument("--platform", help="such as amd64 or arm32v7 (default: DEFAULT_PLATFORM, else amd64)")
    parser.add_argument("--strict", action="store_true", help="warnings are a failure too")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--rules", action="store_true", help="print the table of all findings and end")
    return parser


def _document(problem: Problem) -> dict[str, object]:
    return {
        "rule": problem.rule.id,
        "severity": problem.severity,
        "file": str(problem.file),
        "line": problem.line,
        "column": problem.column,
        "what": problem.what,
        "why": problem.rule.why,
        "mend": problem.mend,
    }


def _print(checked: Sequence[_Checked]) -> None:
    """A block a finding, a line a file; the file is named when there are several."""
    console = Console(highlight=False, soft_wrap=True)
    for one in checked:
        for problem in one.problems:
            where = f"{_shown(problem.file)}:{problem.line}:{problem.column}: "
            severity = Text(problem.severity, _STYLE[problem.severity])
            console.print(Text(where, "bold") + severity + Text(f": {problem.what}"))
            console.print(Text(f"    why: {problem.rule.why} [{problem.rule.id}]", "dim"))
            console.print(Text(f"    mend: {problem.mend}"))
        counts = [(s, sum(p.severity is s for p in one.problems)) for s in Severity]
        said = ", ".join(f"{n} {s}{'s' * (n > 1)}" for s, n in counts if n) or "no problems"
        name = f"{_shown(one.file)}: " if len(checked) > 1 else ""
        console.print(Text(f"{name}{said} ({one.summary})" if one.summary else f"{name}{said}"))


def _shown(file: Path) -> str:
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative
