"""`scripts/push`: what scripts/build recorded, brought into its registries."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from edge_runtime.manifest.env_file import variables
from release.images.engine import Engine
from release.images.exits import exit_code
from release.images.logins import logins
from release.images.progress import tell
from release.images.publish import Registries, publish_all
from release.images.record import ImagesRecord, read
from release.images.table import show

ROOT = Path(__file__).parents[2]
_tell = tell(Console(stderr=True, highlight=False))


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 refused or failed, 2 bad arguments or files, 3 no engine or registry."""
    options = _parser().parse_args(arguments)
    return exit_code("scripts/push", lambda: _run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/push",
        description="Push the images that scripts/build recorded, exactly these, and record their digests. A tag that "
        "is published is never changed.",
        epilog="exit codes: 0 done; 1 refused or failed; 2 bad arguments or files; 3 no engine or registry",
    )
    parser.add_argument(
        "--record",
        type=Path,
        required=True,
        metavar="FILE",
        help="config/images.PLATFORM.json; it is updated",
    )
    parser.add_argument("--json", action="store_true", help="print the record instead of a table")
    return parser


def _run(options: argparse.Namespace) -> None:
    record = read(options.record)
    find_login = logins(variables(ROOT, os.environ).values)
    with contextlib.closing(Engine()) as engine:
        registries = Registries(engine, find_login)
        record = publish_all(record, options.record, _modules(record), engine, registries, _tell)
    if options.json:
        sys.stdout.write(record.text())
    else:
        show(record)


def _modules(record: ImagesRecord) -> Path:
    """The folder of the recorded folders: what `scripts/build --folder` builds lies beside `modules`."""
    beside = any((ROOT / name / "module.json").is_file() for name in record.images)
    return ROOT if beside else ROOT / "modules"


if __name__ == "__main__":
    sys.exit(main())
