"""Compare a bundle's answers on every runtime, and with the float model that it came from.

usage: scripts/parity [--bundle NAME_OR_PATH]... [--data DIR | --golden] [--platform NAME]... [--record] [--json]

LiteRT here is compared with tflite-runtime 2.14 (`.venv-tflite`), with the reference kernels, with the float model
(`.venv-train` and the training's checkpoint), and, for each `--platform`, with the classifier module's own image on
a Docker engine: top-1 agreement, probabilities, accuracy, and the bytes of every input tensor.

Exit codes: 0 all agree; 1 a limit is broken, or a bundle or the data set is refused; 2 wrong usage; 3 all that could be
asked agree, but something could not be asked.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from rich.console import Console

from image_classifier.bundle import load_bundle, shipped_names
from image_classifier.errors import ImageClassifierError
from image_classifier.option_types import count
from training.dataset import DatasetError
from training.parity.compare import Comparison, Question, compare
from training.parity.container import PLATFORMS
from training.parity.record import record
from training.parity.table import show

NOT_ALL_ASKED = 3


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    question = Question(options.data, options.limit, options.state, tuple(options.platform))
    try:
        found = [compare(load_bundle(name), question) for name in options.bundle or shipped_names()]
        if options.record:
            for comparison in found:
                record(comparison.bundle.folder, comparison.agreements)
    except (DatasetError, ImageClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    _print(found, as_json=options.json)
    if any(comparison.broken() for comparison in found):
        return 1
    return NOT_ALL_ASKED if any(comparison.not_asked for comparison in found) else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    summary, _, details = str(__doc__).partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="scripts/parity",
        description=summary,
        epilog=details.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--bundle", action="append", metavar="NAME_OR_PATH", help="default: every shipped bundle"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("CIFAR10_DIR"),
        metavar="DIR",
        help="CIFAR-10 in any layout (default: CIFAR10_DIR)",
    )
    source.add_argument("--golden", action="store_true", help="the golden vectors alone; needs no data set")
    parser.add_argument("--limit", type=count, metavar="N", help="only N test pictures, evenly spread")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help="the training's checkpoints, of one bundle; default below XDG_STATE_HOME",
    )
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        choices=PLATFORMS,
        help="run the module's image too, on a Docker engine",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="write golden vectors, their tolerance and the agreements into bundle.json",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    if options.golden:
        options.data = None
    elif options.data is None:
        parser.error("no data: give --data DIR or set CIFAR10_DIR, or --golden")
    return options


def _print(found: list[Comparison], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"bundles": [comparison.document() for comparison in found]}))
        return
    # a pipe has no width of its own: wide enough for whole rows
    console = Console(width=None if sys.stdout.isatty() else 160)
    for comparison in found:
        show(comparison, console)


if __name__ == "__main__":
    sys.exit(main())
