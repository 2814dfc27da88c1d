"""`python -m image_classifier evaluate|check BUNDLE`. Exit codes: 0 good, 1 refused, 2 wrong usage."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.errors import ImageClassifierError
from image_classifier.evaluate import evaluate
from image_classifier.labelled import read_folder, read_records
from image_classifier.runtime import load_runtime
from image_classifier.sandbox import check_bundle


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m image_classifier", description="Measure or prove a model bundle."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    bundle_help = "name of a shipped bundle, or path to a bundle's folder"

    measure = commands.add_parser("evaluate", help="accuracy and latency on labelled pictures")
    measure.add_argument("bundle", help=bundle_help)
    source = measure.add_mutually_exclusive_group(required=True)
    source.add_argument("--records", type=Path, metavar="FILE.bin", help="official CIFAR-10 binary records")
    source.add_argument(
        "--folder", type=Path, metavar="DIR", help="folders named like labels, with JPEG or PNG files"
    )
    measure.add_argument("--limit", type=_positive, metavar="N", help="only the first N pictures")
    measure.add_argument("--threads", type=_positive, default=1, help="threads of one inference (default 1)")
    measure.add_argument("--json", action="store_true", help="print one JSON document")

    prove = commands.add_parser("check", help="hash, shapes and golden vectors, in a child process first")
    prove.add_argument("bundle", help=bundle_help)
    prove.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _evaluate(arguments: argparse.Namespace) -> str:
    bundle = load_bundle(arguments.bundle)
    pictures = (
        read_records(arguments.records, bundle.labels)
        if arguments.records
        else read_folder(arguments.folder, bundle.labels)
    )
    result = evaluate(
        Classifier(bundle, threads=arguments.threads), itertools.islice(pictures, arguments.limit)
    ).document()
    runtime = load_runtime()
    result |= {
        "bundle": {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256},
        "runtime": f"{runtime.distribution} {runtime.version}",
        "threads": arguments.threads,
    }
    return json.dumps(result) if arguments.json else _table(result)


def _table(result: dict[str, Any]) -> str:
    bundle, latency = result["bundle"], result["latencyMs"]
    lines = [
        f"{bundle['name']} {bundle['version']} ({result['runtime']}, {result['threads']} threads)",
        f"top-1 {result['top1']:.4f} of {result['n']} pictures, {result['abstained']} abstained",
    ]
    lines += [f"not decoded: {count} {reason}" for reason, count in result["badImages"].items()]
    lines += [
        f"{stage:<8} median {times['median']:.3f} ms, p95 {times['p95']:.3f} ms"
        for stage, times in latency.items()
    ]
    width = max(len(label) for label in result["perClass"])
    for label, row in result["perClass"].items():
        precision, recall = (
            f"{row[key]:.3f}" if row[key] is not None else "-" for key in ("precision", "recall")
        )
        lines.append(f"{label:<{width}}  n {row['n']:>6}  precision {precision:>5}  recall {recall:>5}")
    return "\n".join(lines)


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
        text = _evaluate(arguments) if arguments.command == "evaluate" else _check(arguments)
    except ImageClassifierError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
