"""`python -m image_classifier evaluate|check BUNDLE`. Exit codes: 0 good, 1 refused, 2 wrong usage."""

from __future__ import annotations

import argparse
import json
import sys

from image_classifier import evaluate_command
from image_classifier.errors import ImageClassifierError
from image_classifier.sandbox import check_bundle


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m image_classifier", description="Measure or prove a model bundle."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    bundle_help = "name of a shipped bundle, or path to a bundle's folder"

    measure = commands.add_parser("evaluate", help="accuracy, calibration and latency on labelled pictures")
    measure.add_argument("bundle", help=bundle_help)
    evaluate_command.add_arguments(measure)

    prove = commands.add_parser("check", help="hash, shapes and golden vectors, in a child process first")
    prove.add_argument("bundle", help=bundle_help)
    prove.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _check(arguments: argparse.Namespace) -> str:
    checked = check_bundle(arguments.bundle)
    bundle = checked.bundle
    if arguments.json:
        facts = {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}
        return json.dumps({"ok": True, **facts, "goldenVectors": checked.vectors})
    shape = "x".join(map(str, bundle.input.shape))
    return (
        f"{bundle.folder}: good. {bundle.name} {bundle.version}, {len(bundle.labels)} labels, "
        f"input {bundle.input.dtype} {shape}, {checked.vectors} golden vectors, sha256 {bundle.sha256}"
    )


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        text = evaluate_command.run(arguments) if arguments.command == "evaluate" else _check(arguments)
    except ImageClassifierError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
