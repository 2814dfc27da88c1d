"""`scripts/fuzz bundle`: thousands of mutants of a model bundle, none of which may crash who loads it.

`scripts/fuzz store`: damaged stores of the edge runtime's hub, none of which may lose a message without a word.

Exit codes: 0 no finding, 1 findings (each with the seed and number that make it again), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fuzzing.bundles import Task, fuzz, try_bundle, write_mutant
from fuzzing.findings import tell
from image_classifier.bundle import find_bundle
from image_classifier.errors import ImageClassifierError
from image_classifier.option_types import count
from image_classifier.sandbox import Sandbox


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Look for input that crashes a reader.")
    targets = parser.add_subparsers(dest="target", required=True)
    bundle = targets.add_parser("bundle", help="mutants of a model bundle")
    bundle.add_argument(
        "--bundle", default="fast", help="name or path of the bundle to damage (default fast)"
    )
    bundle.add_argument("--count", type=count, default=10_000, metavar="N", help="mutants (default 10000)")
    bundle.add_argument(
        "--seed", type=int, metavar="N", help="which sequence of mutants (default: another each run)"
    )
    bundle.add_argument(
        "--workers", type=count, default=1, metavar="N", help="processes side by side (default 1)"
    )
    bundle.add_argument(
        "--number", type=int, metavar="N", help="only this mutant of the sequence, with its traceback"
    )
    bundle.add_argument(
        "--keep", type=Path, metavar="DIR", help="with --number: leave the mutant's files in DIR"
    )
    bundle.add_argument("--json", action="store_true", help="print one JSON document")
    store = targets.add_parser("store", help="damaged copies of the hub's store")
    store.add_argument("--count", type=count, default=1000, metavar="N", help="copies (default 1000)")
    store.add_argument(
        "--seed", type=int, metavar="N", help="which sequence of copies (default: another each run)"
    )
    store.add_argument("--number", type=int, metavar="N", help="only this copy of the sequence")
    store.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _one(arguments: argparse.Namespace, task: Task) -> int:
    with TemporaryDirectory() as temporary, Sandbox() as sandbox:
        place = arguments.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        mutant = write_mutant(task, arguments.number, place)
        sys.stdout.write(f"{mutant.kind}: {try_bundle(sandbox, place)}\n")
    return 0


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _all(arguments: argparse.Namespace, task: Task) -> int:
    with _progress() as bar:
        shown = bar.add_task(f"seed {task.seed}", total=len(task.numbers))
        results = fuzz(task, arguments.workers, lambda now: bar.update(shown, completed=now.tried))
    again = f"scripts/fuzz bundle --bundle {arguments.bundle} --seed {task.seed}"
    return tell(results, task.folder.name, task.seed, again, as_json=arguments.json)


def _stores(arguments: argparse.Namespace, seed: int) -> int:
    from fuzzing.stores import fuzz_stores  # noqa: PLC0415 - the hub, which bundles have no need of

    numbers = range(arguments.count) if arguments.number is None else [arguments.number]
    with TemporaryDirectory(prefix="fuzz-") as place, _silent_hub(), _progress() as bar:
        shown = bar.add_task(f"seed {seed}", total=len(numbers))
        results = fuzz_stores(seed, numbers, Path(place), lambda now: bar.update(shown, completed=now.tried))
    return tell(results, "damaged stores", seed, f"scripts/fuzz store --seed {seed}", as_json=arguments.json)


@contextlib.contextmanager
def _silent_hub() -> Iterator[None]:
    """It logs what it found, of each store."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    seed = secrets.randbelow(1 << 31) if arguments.seed is None else arguments.seed
    try:
        if arguments.target == "store":
            return _stores(arguments, seed)
        task = Task(find_bundle(arguments.bundle), seed, range(arguments.count))
        return _all(arguments, task) if arguments.number is None else _one(arguments, task)
    except ImageClassifierError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
