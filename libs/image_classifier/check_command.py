"""`python -m image_classifier check BUNDLE`: prove a bundle, one line a check."""

from __future__ import annotations

import argparse
import json
from typing import Any, TextIO

from image_classifier.checks import DEFAULT_BUDGET_MS, MENDS, Check
from image_classifier.errors import BundleError, BundleNotFoundError
from image_classifier.option_types import positive
from image_classifier.sandbox import CheckedBundle, check_bundle

NOT_FOUND_MEND = "name a shipped bundle, or a folder that holds bundle.json"
_NAME_WIDTH = max(map(len, MENDS))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check`, but for the bundle."""
    parser.add_argument(
        "--budget-ms",
        type=positive,
        default=DEFAULT_BUDGET_MS,
        metavar="MS",
        help=f"greatest median time of one inference, one thread (default {DEFAULT_BUDGET_MS:g})",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document, also when a check fails"
    )


def run(arguments: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    """Print the report to `out`; 1 when a check fails, with what is wrong and what to do on `errors`."""
    checks: list[Check] = []

    def note(check: Check) -> None:
        checks.append(check)
        if not arguments.json:
            out.write(_line(check) + "\n")
            out.flush()

    try:
        checked = check_bundle(arguments.bundle, budget_ms=arguments.budget_ms, report=note)
    except BundleError as error:
        failed = checks[-1].name
        mend = NOT_FOUND_MEND if isinstance(error, BundleNotFoundError) else MENDS[failed]
        if arguments.json:
            wrong = {"check": failed, "error": str(error), "mend": mend}
            out.write(json.dumps({"ok": False, **wrong, "checks": _documents(checks)}) + "\n")
        errors.write(f"{error}\nmend: {mend}\n")
        return 1
    if arguments.json:
        out.write(json.dumps(_document(checked)) + "\n")
    else:
        bundle = checked.bundle
        out.write(
            f"{bundle.folder}: good, all {len(checks)} checks of {bundle.name} {bundle.version} passed\n"
        )
    return 0


def _line(check: Check) -> str:
    result = "passed" if check.passed else "FAILED"
    return f"{check.name:<{_NAME_WIDTH}}  {result}  {check.figure}"


def _document(checked: CheckedBundle) -> dict[str, Any]:
    bundle = checked.bundle
    facts = {"name": bundle.name, "version": bundle.version, "sha256": bundle.sha256}
    return {"ok": True, **facts, "goldenVectors": checked.vectors, "checks": _documents(list(checked.checks))}


def _documents(checks: list[Check]) -> list[dict[str, Any]]:
    return [{"name": check.name, "passed": check.passed, "figure": check.figure} for check in checks]
