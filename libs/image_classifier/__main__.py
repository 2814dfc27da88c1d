"""`python -m image_classifier evaluate BUNDLE | check BUNDLE | score INPUT`.

Exit codes: 0 good, 1 refused, 2 wrong usage, 3 scored but for some bad pictures, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys

from image_classifier import check_command, evaluate_command, score_command
from image_classifier.errors import ImageClassifierError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m image_classifier", description="Measure, prove or use a model bundle."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    bundle_help = "name of a shipped bundle, or path to a bundle's folder"

    measure = commands.add_parser("evaluate", help="accuracy, calibration and latency on labelled pictures")
    measure.add_argument("bundle", help=bundle_help)
    evaluate_command.add_arguments(measure)

    prove = commands.add_parser("check", help="prove that a bundle is sound and safe to load")
    prove.add_argument("bundle", help=bundle_help)
    check_command.add_arguments(prove)

    scoring = commands.add_parser("score", help="score many pictures into a Parquet file, on all cores")
    score_command.add_arguments(scoring)
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "check":
            return check_command.run(arguments, sys.stdout, sys.stderr)
        if arguments.command == "score":
            return score_command.run(arguments, sys.stdout, sys.stderr)
        text = evaluate_command.run(arguments)
    except ImageClassifierError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
