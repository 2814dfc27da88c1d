"""`python -m edge_runtime check`: the doctor on the command line.

Exit codes: 0 nothing wrong (warnings do not count), 1 errors, 2 no manifest can be made of the input.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from edge_runtime.manifest.check import check
from edge_runtime.manifest.manifest import load
from edge_runtime.manifest.problem import ManifestError, Problem, Severity

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}


def main(argv: Sequence[str]) -> int:
    """Check one manifest or template and print what was found."""
    arguments = _parser().parse_args(argv)
    try:
        manifest = load(
            arguments.manifest,
            environment=os.environ,
            platform=arguments.platform,
            env_file=arguments.env_file,
        )
    except ManifestError as error:
        _print(error.problems, as_json=arguments.json, summary="")
        return 2
    problems = check(manifest)
    summary = f"{len(manifest.modules)} modules, platform {manifest.platform}"
    _print(problems, as_json=arguments.json, summary=summary)
    return int(any(problem.severity is Severity.ERROR for problem in problems))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime check",
        description="Say what is wrong with a deployment, and how to mend it.",
        epilog="exit codes: 0 nothing wrong, or warnings alone; 1 errors; 2 it cannot be read as a manifest",
    )
    parser.add_argument("manifest", type=Path, help="deployment manifest or template")
    parser.add_argument("--env-file", type=Path, help="variables (default: .env beside modules/)")
    parser.add_argument("--platform", help="such as amd64 or arm32v7 (default: DEFAULT_PLATFORM, else amd64)")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    return parser


def _print(problems: Sequence[Problem], *, as_json: bool, summary: str) -> None:
    if as_json:
        print(json.dumps({"problems": [{**asdict(p), "file": str(p.file)} for p in problems]}, indent=2))  # noqa: T201
        return
    console = Console(highlight=False, soft_wrap=True)
    for problem in problems:
        where = f"{_shown(problem.file)}:{problem.line}:{problem.column}: "
        console.print(
            Text(where, "bold") + Text(problem.severity, _STYLE[problem.severity]) + Text(f": {problem.what}")
        )
        console.print(Text(f"    {problem.mend}", "dim"))
    counts = [(s, sum(p.severity is s for p in problems)) for s in Severity]
    said = ", ".join(f"{n} {s}{'s' * (n > 1)}" for s, n in counts if n) or "no problems"
    console.print(Text(f"{said} ({summary})" if summary else said))


def _shown(file: Path) -> str:
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative
