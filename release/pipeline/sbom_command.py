"""`scripts/sbom`: the bills of materials of images."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.manifest import ManifestError
from edge_runtime.manifest.env_file import variables
from release.engine import EngineUnreachableError
from release.images.logins import logins
from release.pipeline.image_contents import ImageContents, ImageError, read
from release.pipeline.sbom import InvalidDocumentError, document

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """With `image_id` exactly that one of this engine. `name` is its file's; blank: made of the reference."""

    reference: str
    image_id: str | None = None
    name: str = ""


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0; 1 the document broke its schema; 2 an image or `.env` cannot be read; 3 no Docker engine."""
    options = _parser().parse_args(arguments)
    try:
        images = [_Wanted(image) for image in options.images]
        images += [image for file in options.record for image in _recorded(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"scripts/sbom: --record: {error!r} (scripts/build writes it)", file=sys.stderr)
        return 2
    if not images or (not options.folder and len(images) > 1):
        told = "several images need --folder" if images else "which image? Name it, or --record FILE"
        print(f"scripts/sbom: {told}", file=sys.stderr)
        return 2
    try:
        find_login = logins(variables(ROOT, os.environ).values)
    except ManifestError as error:
        print(f"scripts/sbom: {error}", file=sys.stderr)
        return 2
    made: list[dict[str, Any]] = []
    for image in images:
        try:
            contents = read(image.reference, find_login, image.image_id)
            text = document(contents)
        except (ImageError, EngineUnreachableError, InvalidDocumentError) as error:
            print(f"scripts/sbom: {error}", file=sys.stderr)
            return {ImageError: 2, EngineUnreachableError: 3}.get(type(error), 1)
        if not options.folder:
            print(text)
            return 0
        made.append(_kept(image.name, contents, text, options.folder))
    if options.json:
        print(json.dumps({"documents": made}, indent=2))
    else:
        print(*map(_line, made), sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/sbom",
        description="Write the bill of materials of images, read from the images themselves, as CycloneDX 1.6 JSON.",
        epilog="Exit codes: 0; 1 the document broke its schema; 2 an image or .env cannot be read; 3 no Docker engine.",
    )
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="a tag, a digest or an id; pulled if need be"
    )
    parser.add_argument(
        "--record", type=Path, action="append", default=[], metavar="FILE",
        help="the images that scripts/build recorded there: published ones by digest, others as they are on this "
        "engine; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="write DIR/<image>-<architecture>.cdx.json; default: one, to standard output",
    )
    parser.add_argument("--json", action="store_true", help="with --folder: say what was written as JSON")
    return parser


def _recorded(file: Path) -> Iterator[_Wanted]:
    """The images of an images/1 file (docs/release-interfaces.md)."""
    for module, image in json.loads(file.read_text())["images"].items():
        if image["digest"]:
            yield _Wanted(f"{image['repository']}@{image['digest']}", name=module)
        else:
            yield _Wanted(f"{image['repository']}:{image['tag']}", image["imageId"], module)


def _kept(name: str, contents: ImageContents, text: str, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    name = name or re.sub(r"[^A-Za-z0-9_.-]+", "_", contents.reference.rpartition("/")[2].partition("@")[0])
    file = folder / f"{name}-{contents.architecture}.cdx.json"
    file.write_text(text)
    return {
        "image": contents.reference,
        "id": contents.image_id,
        "architecture": contents.architecture,
        "debian": len(contents.debian),
        "python": len(contents.python),
        "models": [f"{model['name']} {model['version']}" for model in contents.models],
        "file": str(file),
    }


def _line(row: dict[str, Any]) -> str:
    models = f", models {', '.join(row['models'])}" if row["models"] else ""
    packages = f"{row['debian']} packages of Debian, {row['python']} of Python{models}"
    return f"{row['image']} ({row['architecture']}): {packages} -> {row['file']}"


if __name__ == "__main__":
    sys.exit(main())
