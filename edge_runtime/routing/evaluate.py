"""`python -m edge_runtime evaluate`: conditions in bulk.

Reads JSON lines `{"id", "condition", "app", "sys", "body"}` (message_json.py says what a message is) and
prints `{"id", "result"}` for each: `true` when the condition routes the message, `false` when it does not
(undefined included: only a definite true routes), `error` when it does not compile.

A line that is no such document is told on standard error with its number, gives no result, and makes the
exit status 1; the other lines are evaluated all the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TextIO

from edge_runtime.routing.condition import Condition, compile_condition
from edge_runtime.routing.errors import RouteErrors
from edge_runtime.routing.message_json import MessageJsonError, parse_message


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Condition | None:
    try:
        return compile_condition(text)
    except RouteErrors:
        return None


def evaluate_line(line: bytes) -> dict[str, object]:
    """The answer to one line. Raises MessageJsonError."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MessageJsonError(f"not JSON in UTF-8 ({error}): write one object a line") from None
    if not isinstance(document, dict) or not isinstance(document.get("condition"), str):
        raise MessageJsonError('"condition" is missing: write {"id": 1, "condition": "a = \'b\'", "app": {}}')
    message = parse_message(document)
    condition = _compiled(document["condition"])
    result = "error" if condition is None else condition.evaluate(message)
    return {"id": document.get("id"), "result": result}


def evaluate_lines(lines: Iterable[bytes], output: TextIO, complaints: TextIO) -> int:
    """Answer every line; the number of lines that could not be read."""
    unread = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            answer = evaluate_line(line)
        except MessageJsonError as error:
            unread += 1
            complaints.write(f"line {number}: {error}\n")
        else:
            output.write(json.dumps(answer) + "\n")
    return unread


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime evaluate",
        description="Evaluate route conditions: JSON lines {id, condition, app, sys, body} on standard input, "
        "{id, result} on standard output.",
        epilog="exit codes: 0 all evaluated; 1 some lines were no such documents (told on standard error)",
    )
    parser.parse_args(argv)
    try:
        unread = evaluate_lines(sys.stdin.buffer, sys.stdout, sys.stderr)
        sys.stdout.flush()
    except BrokenPipeError:
        return 1
    return 1 if unread else 0
