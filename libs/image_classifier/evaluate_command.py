"""`python -m image_classifier evaluate BUNDLE`: measure a bundle on labelled pictures."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.classifier import Classifier
from image_classifier.errors import ImageClassifierError
from image_classifier.evaluate import Answer, evaluate
from image_classifier.labelled import Labelled, LabelledPictures, read_folder, read_records
from image_classifier.option_types import count, thread_count
from image_classifier.progress_line import ProgressLine
from image_classifier.runtime import load_runtime


class AnswersFileError(ImageClassifierError):
    """The file for the answers cannot be written."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate`, but for the bundle."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--records", type=Path, metavar="FILE.bin", help="official CIFAR-10 binary records")
    source.add_argument(
        "--folder", type=Path, metavar="DIR", help="folders named like labels, with JPEG or PNG files"
    )
    parser.add_argument(
        "--limit",
        type=count,
        metavar="N",
        help="only the first N pictures (those of a folder come class by class)",
    )
    parser.add_argument(
        "--threads", type=thread_count, default=1, help="threads of one inference (default 1)"
    )
    parser.add_argument(
        "--answers", type=Path, metavar="FILE.jsonl", help="write each picture's answer, one JSON line each"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> str:
    """What the command prints.

    Raises:
        ImageClassifierError: the bundle, the pictures or the file for the answers cannot be used.
    """
    bundle = load_bundle(arguments.bundle)
    pictures = (
        read_records(arguments.records, bundle.labels)
        if arguments.records
        else read_folder(arguments.folder, bundle.labels)
    )
    classifier = Classifier(bundle, threads=arguments.threads)
    with _answers_to(arguments.answers, bundle) as each:
        shown = _with_progress(pictures, arguments.limit, sys.stderr)
        result = evaluate(classifier, shown, each).document()
    runtime = load_runtime()
    result |= {
        "bundle": {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256},
        "runtime": f"{runtime.distribution} {runtime.version}",
        "threads": arguments.threads,
    }
    return json.dumps(result) if arguments.json else _table(result)


@contextlib.contextmanager
def _answers_to(path: Path | None, bundle: Bundle) -> Iterator[Callable[[Answer], None] | None]:
    """What writes an answer as a JSON line: picture, truth, answer, probabilities, or why it was not decoded."""
    if path is None:
        yield None
        return
    with _writing(path):
        file = path.open("w", encoding="utf-8")
    try:
        yield lambda answer: _write_line(file, path, answer, bundle.labels)
    finally:
        with _writing(path):
            file.close()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AnswersFileError(f"{path}: cannot be written: {error.strerror}") from None


def _write_line(file: TextIO, path: Path, answer: Answer, labels: tuple[str, ...]) -> None:
    line: dict[str, Any] = {"picture": answer.picture.origin, "truth": labels[answer.picture.label]}
    if answer.answer is None:
        line["refused"] = answer.refused
    else:
        line["answer"] = labels[answer.answer]
        line["probabilities"] = [round(probability, 6) for probability in answer.probabilities]
    with _writing(path):
        file.write(json.dumps(line) + "\n")


def _with_progress(pictures: LabelledPictures, limit: int | None, out: TextIO) -> Iterator[Labelled]:
    """The first `limit` pictures; on a terminal, one line tells how many are done and how long the rest takes."""
    total = len(pictures) if limit is None else min(limit, len(pictures))
    with ProgressLine(out, total) as line:
        for done, picture in enumerate(itertools.islice(pictures, limit)):
            line.show(done)
            yield picture


def _table(result: dict[str, Any]) -> str:
    bundle, threads = result["bundle"], result["threads"]
    lines = [
        f"{bundle['name']} {bundle['version']} ({result['runtime']}, {threads} thread{'s' * (threads > 1)})",
        f"top-1 {result['top1']:.4f} of {result['n']} pictures, {result['abstained']} abstained",
    ]
    lines += [f"not decoded: {count} {reason}" for reason, count in result["badImages"].items()]
    lines += [
        f"{stage:<8} median {times['median']:.3f} ms, p95 {times['p95']:.3f} ms"
        for stage, times in result["latencyMs"].items()
    ]
    blocks = (
        _class_lines(result["perClass"]),
        _calibration_lines(result["calibration"]),
        _abstention_lines(result["abstention"]),
    )
    return "\n".join([*lines, *(line for block in blocks for line in ("", *block))])


def _class_lines(per_class: dict[str, dict[str, Any]]) -> list[str]:
    width = max(len(label) for label in per_class)
    return [
        f"{label:<{width}}  n {row['n']:>6}  precision {_share(row['precision'])}  recall {_share(row['recall'])}"
        for label, row in per_class.items()
    ]


def _calibration_lines(calibration: dict[str, Any]) -> list[str]:
    table = calibration["reliability"]
    lines = [f"expected calibration error {calibration['expectedError']:.4f} ({len(table)} bins)"]
    lines += [
        f"confidence {row['low']:.2f}..{row['high']:.2f}  n {row['n']:>6}  "
        f"mean {_share(row['confidence'])}  accuracy {_share(row['accuracy'])}"
        for row in table
        if row["n"]
    ]
    return lines


def _abstention_lines(abstention: dict[str, Any]) -> list[str]:
    own = abstention["own"]
    return [
        f"margin {row['margin']:<5g} abstains {row['abstained']:6.1%}  "
        f"accuracy of the other {row['answered']:>6}: {_share(row['accuracy'])}"
        + ("  (the bundle's own)" if row is own else "")
        for row in sorted(
            [own, *(row for row in abstention["curve"] if row["margin"] != own["margin"])],
            key=lambda row: float(row["margin"]),
        )
    ]


def _share(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
