"""`scripts/audit`: known vulnerabilities of what images and lock files hold."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.progress import track

from release.pipeline.advisories import OSV_URL, Advisory, Dependency, UnreachableError, look_up
from release.pipeline.dependencies import UnreadableError, read

_ROOT = Path(__file__).resolve().parents[2]
_LOCKS = ("requirements/run.txt", "modules/*/requirements/*.txt", "serving/requirements/*.txt")
_NOT_CHECKED = 3
Found = dict[Dependency, list[Advisory]]


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0; 1 vulnerabilities that a newer version mends; 2 a file cannot be read; 3 nothing was checked."""
    options = _parser().parse_args(arguments)
    files = [found for path in options.files for found in _in(path)] or sorted(
        file for pattern in _LOCKS for file in _ROOT.glob(pattern)
    )
    places: dict[Dependency, list[str]] = {}
    try:
        for file in files:
            for dependency in read(file):
                places.setdefault(dependency, []).append(str(file))
    except (UnreadableError, OSError) as error:
        print(f"scripts/audit: {error}", file=sys.stderr)
        return 2
    try:
        answers = look_up(sorted(places), options.url.rstrip("/"))
        found = dict(track(answers, "asking", len(places), disable=not sys.stderr.isatty(), transient=True))
    except UnreachableError as error:
        message = f"not checked: no advisory database reachable ({error})"
        if options.json:
            print(json.dumps({"checked": False, "reason": message}))
        print(f"scripts/audit: {message}", file=sys.stderr)
        return _NOT_CHECKED
    known = {
        d: [a for a in advisories if not a.names & set(options.accept)] for d, advisories in found.items()
    }
    if options.json:
        print(json.dumps(_document(known, places), indent=2))
    else:
        _print(known, places)
    return 1 if any(a.fixed or options.strict for advisories in known.values() for a in advisories) else 0


def _in(path: Path) -> list[Path]:
    """The bills of materials of a folder; a file is itself, and so is a folder without any: to be refused."""
    return (sorted(path.glob("*.json")) if path.is_dir() else []) or [path]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/audit",
        description="Look up the known vulnerabilities of Python and Debian packages in an OSV database.",
        epilog="Exit codes: 0 none that can be mended; 1 some that a newer version mends; 2 a file cannot be read; "
        "3 nothing was checked, because no database answers.",
    )
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE",
        help="lock files (.txt), bills of materials (.json), folders of these; default: locks of runtime and images",
    )  # fmt: skip
    parser.add_argument("--url", default=OSV_URL, help="the database; default: %(default)s")
    parser.add_argument(
        "--accept", action="append", default=[], metavar="ID", help="an advisory or CVE to pass over; say why where"
        " you write it down",
    )  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="exit 1 for those without a mend as well")
    parser.add_argument("--json", action="store_true", help="the findings as JSON")
    return parser


def _document(known: Found, places: dict[Dependency, list[str]]) -> dict[str, object]:
    findings = [
        {
            "ecosystem": dependency.ecosystem,
            "name": dependency.name,
            "version": dependency.version,
            "files": places[dependency],
            "id": advisory.id,
            "aliases": advisory.aliases,
            "fixed": advisory.fixed,
            "summary": advisory.summary,
        }
        for dependency, advisories in known.items()
        for advisory in advisories
    ]
    return {"checked": True, "packages": len(known), "findings": findings}


def _print(known: Found, places: dict[Dependency, list[str]]) -> None:
    mended = unmended = 0
    for dependency, advisories in known.items():
        for advisory in advisories:
            mended += bool(advisory.fixed)
            unmended += not advisory.fixed
            if advisory.fixed:
                where = ", ".join(places[dependency])
                print(
                    f"{dependency.name} {dependency.version} ({dependency.ecosystem}; {where}): {advisory.id}"
                )
                print(f"  {advisory.summary}\n  mended in {', '.join(advisory.fixed)}")
    print(
        f"{len(known)} packages: {mended} vulnerabilities that a newer version mends, {unmended} without a mend"
    )


if __name__ == "__main__":
    sys.exit(main())
