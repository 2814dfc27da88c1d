"""`scripts/version`: which version this checkout is, and what the changelog says of it."""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from release.pipeline import changelog
from release.pipeline.version import Version, VersionError, read

_ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str] | None = None, root: Path = _ROOT) -> int:
    """Exit codes: 0; 1 tag, changelog and pyproject.toml disagree; 2 git cannot tell the version."""
    options = _parser().parse_args(arguments)
    try:
        version = read(root)
    except VersionError as error:
        print(f"scripts/version: {error}", file=sys.stderr)
        return 2
    file = root / "CHANGELOG.md"
    text = file.read_text()
    if options.check:
        found = [f"{file}:{line}: {problem}" for line, problem in changelog.problems(text)]
        found += _disagreements(version, text, root)
        print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
        if found:
            return 1
    if options.notes:
        name = version.tag if version.released else changelog.UNRELEASED
        section = changelog.section(text, name)
        print(section.body if section else "")
    elif options.json:
        print(json.dumps({"version": str(version), "released": version.released, "commit": version.commit}))
    else:
        print(version)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/version",
        description="Print the version of this checkout: git's last tag vMAJOR.MINOR.PATCH, with the commits since.",
        epilog="Exit codes: 0; 1 tag, changelog and pyproject.toml disagree; 2 git cannot tell the version.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="the changelog is well-formed; at a tag, it and pyproject.toml name it",
    )
    parser.add_argument("--notes", action="store_true", help="print the changelog's section of this version")
    parser.add_argument("--json", action="store_true", help="version, whether it is released, commit")
    return parser


def _disagreements(version: Version, text: str, root: Path) -> Iterator[str]:
    if not version.released:
        return
    if changelog.section(text, version.tag) is None:
        yield (
            f"{root / 'CHANGELOG.md'}: no section `## {version.tag} - YYYY-MM-DD`, and v{version.tag} is tagged: "
            f"give `## {changelog.UNRELEASED}` that name before the tag"
        )
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    if declared != version.tag:
        yield f'{root / "pyproject.toml"}: version = "{declared}", and v{version.tag} is tagged'


if __name__ == "__main__":
    sys.exit(main())
