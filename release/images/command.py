"""`scripts/build`: the images of one platform, built and recorded."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from edge_runtime.manifest import ModuleSource, load
from release.images.build import Planned, build, look_up, plan
from release.images.content import ContentError
from release.images.engine import Engine
from release.images.exits import exit_code
from release.images.logins import logins
from release.images.progress import steps, tell
from release.images.publish import Registries, publish_all
from release.images.record import ImageRecord, ImagesRecord, default_path, read
from release.images.table import show

ROOT = Path(__file__).parents[2]

_console = Console(stderr=True, highlight=False)
_tell = tell(_console)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 refused or failed, 2 bad arguments or files, 3 no engine or registry."""
    options = _parser().parse_args(arguments)
    return exit_code("scripts/build", lambda: _run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/build", description=__doc__)
    parser.add_argument(
        "--platform", required=True, help="a key of image.tag.platforms in module.json: amd64, arm32v7, ..."
    )
    parser.add_argument(
        "--module", action="append", help="build this folder of modules/ alone; may be repeated"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="build this folder alone, which has a module.json and belongs to no device: serving",
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="take what the registry has of this content in place of building it, and refuse its other tags at once",
    )
    parser.add_argument(
        "--push",
        action="store_true",
        help="--published, and push the rest at once; a release looks at images first: scripts/sbom, scripts/audit, "
        "scripts/push",
    )
    parser.add_argument(
        "--version-from-content", action="store_true", help="add digits of the image's content to its version"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="take no layer of an earlier build: Debian's packages of today"
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="where to write what was built [config/images.PLATFORM.json; of a --folder config/DIR.PLATFORM.json]",
    )
    parser.add_argument("--json", action="store_true", help="print the record instead of a table")
    parser.add_argument(
        "--template", type=Path, default=ROOT / "deployment.template.json", help=argparse.SUPPRESS
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    manifest = load(options.template, environment=os.environ, platform=options.platform, strict=True)
    folder = options.folder.resolve() if options.folder else None
    known = manifest.sources.of_folder(folder) if folder else manifest.sources.all()
    sources = _sources(known, options)
    name = folder.name if folder else "images"
    path = options.record or default_path(manifest.solution_root, options.platform, name)
    with contextlib.closing(Engine()) as engine:
        registries = Registries(engine, logins(manifest.variables.values))
        planned = plan(
            sources, engine, version_from_content=options.version_from_content, fresh=options.fresh
        )
        if options.push or options.published:
            planned = look_up(planned, registries)
        record = ImagesRecord(platform=options.platform, commit=_commit(), images=_earlier(path, options))
        for one in planned:
            made = _make(one, engine, record.commit, options)
            # After each image, so that a later one's failure does not hide what was built.
            record = record.model_copy(update={"images": {**record.images, one.module: made}})
            record.write(path)
        if options.push:
            modules = folder.parent if folder else manifest.solution_root / "modules"
            record = publish_all(record, path, modules, engine, registries, _tell)
    if options.json:
        sys.stdout.write(record.text())
    else:
        show(record)
        _tell(f"written to {path}")


def _sources(found: Iterable[ModuleSource], options: argparse.Namespace) -> list[ModuleSource]:
    sources = {source.folder.name: source for source in found if source.platform == options.platform}
    unknown = sorted(set(options.module or ()) - set(sources))
    if not sources or unknown:
        what = f"no module named {unknown[0]}" if sources else "no module"
        known = ", ".join(sorted(sources)) or "none"
        raise ContentError(
            f"{what} has the platform {options.platform!r} in its module.json; there are: {known}"
        )
    return [source for name, source in sources.items() if not options.module or name in options.module]


def _make(one: Planned, engine: Engine, commit: str | None, options: argparse.Namespace) -> ImageRecord:
    labels = {"org.opencontainers.image.version": one.tag}
    if commit:
        labels["org.opencontainers.image.revision"] = commit
    with steps(_console, f"{one.module} {options.platform}") as on_step:
        made = build(one, engine, labels, on_step, fresh=options.fresh)
    if made.build_seconds is None:
        _tell(f"{one.name}: the registry has this content already")
    return made


def _earlier(path: Path, options: argparse.Namespace) -> dict[str, ImageRecord]:
    """The other modules' entries, when only some are built."""
    if not options.module or not path.is_file():
        return {}
    earlier = read(path)
    return dict(earlier.images) if earlier.platform == options.platform else {}


def _commit() -> str | None:
    """Of the working tree, `-dirty` when tracked files differ; None where there is no git."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty", "--match", ""]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
