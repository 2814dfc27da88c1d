"""`scripts/manifests`: render folders of manifests, and check what a cluster would get."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from targets.kubernetes import policies, schemas
from targets.kubernetes.documents import Document
from targets.kubernetes.pinning import PinError, pin, unpinned
from targets.kubernetes.policies import Finding
from targets.kubernetes.rendering import KubectlError, RenderError, render

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    *(f"targets/kubernetes/overlays/{name}" for name in ("dev", "test", "prod")),
    "targets/kubernetes/kserve",
    *(f"targets/arc/overlays/{name}" for name in ("dev", "test", "prod")),
)
"""What a cluster is given; bases and components are parts of these."""
EXIT_OK, EXIT_FOUND, EXIT_USAGE, EXIT_NO_KUBECTL = range(4)
_EPILOG = """\
exit codes: 0 nothing found; 1 something is; 2 a folder does not render, or a record does not fit; 3 no kubectl"""


@dataclass(frozen=True, slots=True)
class Checked:
    """One folder: what it renders to, and what is wrong with that."""

    folder: str
    objects: list[Document]
    findings: list[Finding]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code, as `--help` says."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.pin and not options.folders:
        parser.error("--pin needs the FOLDER whose image it writes")
    folders = options.folders or [ROOT / name for name in FOLDERS]
    try:
        if options.pin:
            image = pin(folders, options.pin)
            for folder in folders:
                print(f"{_shown(folder)}: {image}", file=sys.stderr)
        checked = [_check(folder, pinned=options.pinned) for folder in folders]
    except (RenderError, PinError) as error:
        print(f"scripts/manifests: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KubectlError as error:
        print(f"scripts/manifests: {error}", file=sys.stderr)
        return EXIT_NO_KUBECTL
    if options.json:
        print(json.dumps({"folders": [asdict(one) for one in checked]}, indent=2))
    else:
        print(*map(_lines, checked), sep="\n")
    return EXIT_FOUND if any(one.findings for one in checked) else EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/manifests",
        description="Render folders of manifests with kubectl, and check every object: against the schemas of "
        f"Kubernetes {', '.join(schemas.VERSIONS)}, Flux and KServe, and against our own rules. Asks no cluster.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="with a kustomization.yaml; default: all of ours",
    )
    parser.add_argument(
        "--pin",
        type=Path,
        metavar="RECORD",
        help="first write the digest of scripts/build's record into each FOLDER",
    )
    parser.add_argument("--pinned", action="store_true", help="find images that no build is pinned for, too")
    parser.add_argument("--json", action="store_true", help="the objects and the findings as one document")
    return parser


def _check(folder: Path, *, pinned: bool) -> Checked:
    objects = render(folder)
    found = [Finding("schema", line) for one in objects for line in schemas.problems(one)]
    # The rules read what the schemas promise: they come second.
    found = found or policies.check(objects)
    if pinned:
        found += [Finding("pinned", line) for line in unpinned(objects)]
    return Checked(_shown(folder), objects, found)


def _shown(folder: Path) -> str:
    absolute = folder.resolve()
    return absolute.relative_to(ROOT).as_posix() if absolute.is_relative_to(ROOT) else str(folder)


def _lines(one: Checked) -> str:
    head = f"{one.folder}: {len(one.objects)} objects, {len(one.findings) or 'nothing'} found"
    return "\n".join([head, *(f"  {finding.rule}: {finding.message}" for finding in one.findings)])


if __name__ == "__main__":
    sys.exit(main())
