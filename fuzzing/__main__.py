"""`scripts/fuzz bundle`: thousands of mutants of a model bundle, none of which may crash who loads it.

Exit codes: 0 no finding, 1 findings (each with the seed and number that make it again), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from fuzzing.bundles import Findings, Task, fuzz, try_bundle, write_mutant
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
    return parser


def _one(arguments: argparse.Namespace, task: Task) -> int:
    with TemporaryDirectory() as temporary, Sandbox() as sandbox:
        place = arguments.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        mutant = write_mutant(task, arguments.number, place)
        sys.stdout.write(f"{mutant.kind}: {try_bundle(sandbox, place)}\n")
    return 0


def _all(arguments: argparse.Namespace, task: Task) -> int:
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors) as bar:
        shown = bar.add_task(f"seed {task.seed}", total=len(task.numbers))
        results = fuzz(task, arguments.workers, lambda now: bar.update(shown, completed=now.tried))
    if arguments.json:
        sys.stdout.write(json.dumps(_document(task, results)) + "\n")
    else:
        _show(task, results)
    for finding in results.findings:
        again = (
            f"scripts/fuzz bundle --bundle {arguments.bundle} --seed {task.seed} --number {finding.number}"
        )
        sys.stderr.write(f"\n{finding.kind}, again with: {again}\n{finding.what.rstrip()}\n")
    return 1 if results.findings else 0


def _document(task: Task, results: Findings) -> dict[str, object]:
    return {
        "seed": task.seed,
        "count": results.tried,
        "seconds": round(results.seconds, 1),
        "outcomes": dict(results.outcomes),
        "examples": results.examples,
        "kinds": {kind: dict(counts) for kind, counts in results.kinds.items()},
        "findings": [
            {"number": finding.number, "kind": finding.kind, "what": finding.what}
            for finding in results.findings
        ],
    }


def _show(task: Task, results: Findings) -> None:
    table = Table("outcome", "mutants", "most of", "--number", title=f"{task.folder.name}, seed {task.seed}")
    for outcome, mutants in sorted(results.outcomes.items()):
        most = max(results.kinds, key=lambda kind: results.kinds[kind][outcome])
        table.add_row(outcome, str(mutants), most, str(results.examples[outcome]))
    Console(width=110).print(table)
    sys.stdout.write(
        f"{results.tried} mutants in {results.seconds:.0f} s, {len(results.findings)} findings\n"
    )


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    seed = secrets.randbelow(1 << 31) if arguments.seed is None else arguments.seed
    try:
        task = Task(find_bundle(arguments.bundle), seed, range(arguments.count))
        return _all(arguments, task) if arguments.number is None else _one(arguments, task)
    except ImageClassifierError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
