"""Measure bundles and write the page about them.

usage: scripts/evaluate [--bundle NAME]... [--data DIR] [--reference FILE.tflite]... [--out DIR] [--json]

Writes DIR/model.md and the pictures in DIR/model; exit codes: 0 written, 1 something is refused, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pydantic import ValidationError

from benchmarks.errors import BenchmarkError
from benchmarks.model.limits import LIMITS
from image_classifier.bundle import shipped_names
from image_classifier.errors import ImageClassifierError
from image_classifier.option_types import measuring_time
from training.dataset import DatasetError
from training.report.document import Report
from training.report.measure import ReportError, Request, measure
from training.report.page import PICTURES, page
from training.report.references import DIRECTORY_VARIABLE, default_files

DOCS = Path(__file__).parents[2] / "docs"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    try:
        report = _read(options.render) if options.render else measure(_request(options))
        _write(report, options.out)
    except (ReportError, DatasetError, BenchmarkError, ImageClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(
        report.model_dump_json(by_alias=True, indent=1) if options.json else options.out / f"{PICTURES}.md",
    )
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/evaluate", description=str(__doc__).partition("\n")[0])
    parser.add_argument(
        "--bundle",
        action="append",
        metavar="NAME",
        help="name or path; default: those with targets that ship",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("CIFAR10_DIR"),
        metavar="DIR",
        help="CIFAR-10 in any layout, or a folder that holds it (default: CIFAR10_DIR)",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        action="append",
        metavar="FILE.tflite",
        help="a model to compare with; latencies are ratios to the first (default: the models of MLPerf Tiny in "
        f"{DIRECTORY_VARIABLE})",
    )
    parser.add_argument(
        "--seconds", type=measuring_time, default=30.0, metavar="S", help="timing all models (default 30)"
    )
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR", help="default: docs")
    parser.add_argument("--json", action="store_true", help="print every number as one JSON document")
    parser.add_argument(
        "--render",
        type=Path,
        metavar="FILE.json",
        help="measure nothing; write the page from such a document",
    )
    options = parser.parse_args(arguments)
    if options.data is None and options.render is None:
        parser.error("no data: give --data DIR or set CIFAR10_DIR")
    return options


def _request(options: argparse.Namespace) -> Request:
    shipped = shipped_names()
    bundles = options.bundle or [name for name in LIMITS if name in shipped] or shipped
    return Request(
        bundles=tuple(bundles),
        data=options.data,
        references=tuple(default_files() if options.reference is None else options.reference),
        seconds=options.seconds,
        command=" ".join(["scripts/evaluate", *(f"--bundle {name}" for name in bundles)]),
    )


def _read(path: Path) -> Report:
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ReportError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise ReportError(
            f"{path}: {place}: {first['msg']}; expected what scripts/evaluate --json printed"
        ) from None


def _write(report: Report, out: Path) -> None:
    # matplotlib takes a second to import and is only in .venv-evaluate
    from training.report.plots.files import draw_all  # noqa: PLC0415

    try:
        draw_all(report, out / PICTURES)
        (out / f"{PICTURES}.md").write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{error.filename or out}: cannot be written: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
