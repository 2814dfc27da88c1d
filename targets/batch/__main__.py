"""`python -m targets.batch INPUT --out FOLDER`: score on a Ray cluster.

Exit codes: 0 good, 1 refused, 2 wrong usage, 3 scored but for some bad pictures, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from image_classifier.bundle import load_bundle
from image_classifier.errors import ImageClassifierError
from image_classifier.option_types import thread_count
from image_classifier.score_command import SOME_BAD
from targets.batch import on_ray


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/score-on-ray", description="Score many pictures on a Ray cluster."
    )
    parser.add_argument("input", type=Path, help="as scripts/score takes it, on a disk that every node sees")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for the Parquet files")
    parser.add_argument("--bundle", default="fast", help="name of a shipped bundle, or path (default fast)")
    parser.add_argument("--address", help="of the cluster, HOST:PORT or auto (default: one in this machine)")
    parser.add_argument(
        "--actors",
        type=thread_count,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="models that score side by side, one processor each (default: the cores of this machine)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments, began = _parser().parse_args(argv), time.monotonic()
    try:
        tally = on_ray.run(
            load_bundle(arguments.bundle),
            arguments.input,
            arguments.out,
            address=arguments.address,
            actors=arguments.actors,
        )
    except ImageClassifierError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    bad = tally.bad.total()
    took_s = time.monotonic() - began
    if arguments.json:
        counts = {"count": bad, "byReason": dict(tally.bad)}
        document = {
            "out": str(arguments.out),
            "pictures": tally.rows,
            "bad": counts,
            "seconds": round(took_s, 3),
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(
            f"{arguments.out}: {tally.rows:,} pictures in {took_s:.1f} s, {bad:,} without scores\n"
        )
    return SOME_BAD if bad else 0


if __name__ == "__main__":
    sys.exit(main())
