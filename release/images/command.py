"""`scripts/build`: the images of one platform, built, published once and recorded."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edge_runtime.manifest import ManifestError, ModuleSource, load
from release.engine import EngineError, EngineUnreachableError
from release.images.build import FindLogin, Planned, RefusedError, build, look_up, plan, publish
from release.images.content import ContentError
from release.images.engine import BuildFailedError, Engine
from release.images.logins import logins
from release.images.progress import steps, tell
from release.images.record import ImageRecord, ImagesRecord, RecordError, default_path, read
from release.images.registry import RegistryError

ROOT = Path(__file__).parents[2]
EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE = range(4)
_MB = 10**6
_DIGEST_LENGTH = len("sha256:") + 12
_PLAIN_WIDTH = 160

_console = Console(stderr=True, highlight=False)
_tell = tell(_console)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 refused or failed, 2 bad arguments or files, 3 no engine or registry."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except BuildFailedError as error:
        _tell(f"{error.output}\nscripts/build: {error}")
        return EXIT_REFUSED
    except (EngineUnreachableError, RegistryError) as error:
        _tell(f"scripts/build: {error}")
        return EXIT_UNREACHABLE
    except (EngineError, RefusedError) as error:
        _tell(f"scripts/build: {error}")
        return EXIT_REFUSED
    except (ManifestError, ContentError, RecordError) as error:
        _tell(f"scripts/build: {error}")
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/build", description=__doc__)
    parser.add_argument(
        "--platform", required=True, help="a key of image.tag.platforms in module.json: amd64, arm32v7, ..."
    )
    parser.add_argument(
        "--module", action="append", help="build this folder of modules/ alone; may be repeated"
    )
    parser.add_argument(
        "--push", action="store_true", help="publish what the registry does not have; never changes a tag"
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
        help="where to write what was built [config/images.PLATFORM.json]",
    )
    parser.add_argument("--json", action="store_true", help="print the record instead of a table")
    parser.add_argument(
        "--template", type=Path, default=ROOT / "deployment.template.json", help=argparse.SUPPRESS
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    manifest = load(options.template, environment=os.environ, platform=options.platform, strict=True)
    sources = _sources(manifest.sources.all(), options)
    path = options.record or default_path(manifest.solution_root, options.platform)
    find_login = logins(manifest.variables.values)
    engine = Engine()
    try:
        planned = plan(
            sources, engine, version_from_content=options.version_from_content, fresh=options.fresh
        )
        if options.push:
            planned = look_up(planned, engine, find_login)
        record = ImagesRecord(platform=options.platform, commit=_commit(), images=_earlier(path, options))
        for one in planned:
            made = _make(one, engine, find_login, record.commit, options)
            # After each image, so that a later one's failure does not hide what was published.
            record = record.model_copy(update={"images": {**record.images, one.module: made}})
            record.write(path)
    finally:
        engine.close()
    _show(record, path, options)
    return EXIT_OK


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


def _make(
    one: Planned, engine: Engine, find_login: FindLogin, commit: str | None, options: argparse.Namespace
) -> ImageRecord:
    labels = {"org.opencontainers.image.version": one.tag}
    if commit:
        labels["org.opencontainers.image.revision"] = commit
    with steps(_console, f"{one.module} {options.platform}") as on_step:
        made = build(one, engine, labels, on_step, fresh=options.fresh)
    if made.build_seconds is None:
        _tell(f"{one.name}: the registry has this content already")
    if options.push:
        if not made.digest:
            _tell(f"{one.name}: pushing")
        made = publish(one, made, engine, find_login)
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


def _show(record: ImagesRecord, path: Path, options: argparse.Namespace) -> None:
    if options.json:
        sys.stdout.write(record.text())
        return
    output = Console(highlight=False)
    if not output.is_terminal:
        output = Console(highlight=False, width=_PLAIN_WIDTH)
    table = Table("module", "tag", "build", "download", "digest", box=None)
    for module, image in record.images.items():
        table.add_row(
            module,
            image.tag,
            "published already" if image.build_seconds is None else f"{image.build_seconds:.1f} s",
            "-" if image.size_bytes is None else f"{image.size_bytes / _MB:.1f} MB",
            image.digest[:_DIGEST_LENGTH] if image.digest else "not pushed",
        )
    output.print(table)
    _tell(f"written to {path}")
