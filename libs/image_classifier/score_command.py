"""`python -m image_classifier score INPUT --out RESULTS.parquet`: score many pictures on all cores."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any, TextIO

from image_classifier.batch import job
from image_classifier.batch.journal import begun, work_folder
from image_classifier.bundle import Bundle, load_bundle
from image_classifier.option_types import thread_count
from image_classifier.progress_line import ProgressLine

SOME_BAD = 3
"""The exit code of a table that is complete, and some of whose pictures have no scores."""
_SHOWN_AT_MOST = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `score`."""
    parser.add_argument(
        "input",
        type=Path,
        help="a folder, a .zip or .tar archive (also .gz, .bz2, .xz), CIFAR-10 records (.bin), or one picture",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE.parquet", help="the table, one row a picture"
    )
    parser.add_argument(
        "--bundle",
        default="fast",
        help="name of a shipped bundle, or path to a bundle's folder (default fast)",
    )
    parser.add_argument(
        "--workers",
        type=thread_count,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="processes (default: one for each core that this process may use)",
    )
    parser.add_argument(
        "--restart",
        action="store_true",
        help="forget what an earlier run has done, and replace a table that is there",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    """Print what was done to `out`, bad pictures to `errors`; 0, or `SOME_BAD`.

    Raises:
        ImageClassifierError: bundle, input or output cannot be used, or pyarrow is missing.
        KeyboardInterrupt: as it came; the same command goes on with what is done.
    """
    bundle, began = load_bundle(arguments.bundle), time.monotonic()
    try:
        with ProgressLine(errors) as line:
            outcome = job.run(
                bundle,
                arguments.input,
                arguments.out,
                arguments.workers,
                restart=arguments.restart,
                progress=line.show,
            )
    except KeyboardInterrupt:
        if begun(work_folder(arguments.out.absolute())):
            errors.write("stopped; the same command goes on with what is done, --restart begins anew\n")
        raise
    document = _document(bundle, arguments.out, outcome, time.monotonic() - began)
    if arguments.json:
        out.write(json.dumps(document) + "\n")
    else:
        out.write(_table(document) + "\n")
        _tell_bad(document["bad"], arguments.out, errors)
    return SOME_BAD if document["bad"]["count"] else 0


def _document(bundle: Bundle, out: Path, outcome: job.Outcome, took_s: float) -> dict[str, Any]:
    tally = outcome.tally
    bad = tally.bad.total()
    return {
        "out": str(out),
        "bundle": {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256},
        "pictures": tally.rows,
        "scored": tally.rows - bad,
        "takenUp": outcome.taken_up,
        "bad": {
            "count": bad,
            "byReason": dict(tally.bad),
            "listed": [
                {"picture": name, "error": reason, "detail": detail} for name, reason, detail in tally.listed
            ],
        },
        "ignored": outcome.ignored,
        "seconds": round(took_s, 3),
        "picturesPerSecond": round((tally.rows - outcome.taken_up) / took_s, 1),
    }


def _table(document: dict[str, Any]) -> str:
    bundle = f"{document['bundle']['name']} {document['bundle']['version']}"
    lines = [
        f"{document['out']}: {document['pictures']:,} pictures by {bundle} in {document['seconds']:.1f} s"
    ]
    if document["takenUp"]:
        lines.append(f"{document['takenUp']:,} of them by the run before")
    if document["ignored"]:
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(document["ignored"].items()))
        lines.append(f"no pictures, ignored: {kinds}")
    return "\n".join(lines)


def _tell_bad(bad: dict[str, Any], out: Path, errors: TextIO) -> None:
    shown = bad["listed"][:_SHOWN_AT_MOST]
    errors.writelines(f"{row['picture']}: {row['error']}: {row['detail']}\n" for row in shown)
    if bad["count"] > len(shown):
        errors.write(f"... and {bad['count'] - len(shown):,} more: column `error` of {out}\n")
    if bad["count"]:
        errors.write(f"{bad['count']:,} without scores\n")
