"""`python -m edge_runtime explain MANIFEST --message FILE`: which routes a message takes, and why not the others.

The message is the JSON of `evaluate` (message_json.py) with `module` and `output`; `-` reads standard input.
Routes that do not compile are told, and the others explained beside them.
Exit status: 0 told, 1 a route does not compile, 2 a file cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from edge_runtime.routing.condition import ALWAYS
from edge_runtime.routing.errors import RouteError, RouteErrors
from edge_runtime.routing.evaluator import Evaluator, Match
from edge_runtime.routing.explain import Explanation, explain
from edge_runtime.routing.explain_json import match_document, verdict_document
from edge_runtime.routing.message_json import JsonMessage, MessageJsonError, parse_message
from edge_runtime.routing.routes import DEFAULT_PRIORITY, Route, parse_routes


class InputError(Exception):
    """A file that is not what the command needs; names it and the mend."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime explain",
        description="Which routes a message takes, and why the others do not match.",
        epilog="exit codes: 0 told; 1 a route does not compile; 2 a file cannot be read, or wrong arguments",
    )
    parser.add_argument("manifest", type=Path, help="deployment manifest or template")
    parser.add_argument(
        "--message", required=True, help="file with the message as JSON, - for standard input"
    )
    parser.add_argument("--device", default="edge", help="the edge device's id (default: edge)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    try:
        routes, errors = _routes(arguments.manifest, arguments.device)
        message = _message(arguments.message, arguments.device)
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.writelines(f"{arguments.manifest}: {error}\n" for error in errors)
    explanations = [explain(route, message) for route in routes]
    matches = Evaluator(routes).evaluate(message)
    if arguments.json:
        document = {
            "source": message.source,
            "matches": list(map(match_document, matches)),
            "routes": [_route_document(explanation) for explanation in explanations],
            "errors": list(map(_error_document, errors)),
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        _print_table(message, explanations, matches)
        if errors:
            sys.stdout.write(
                "the hub refuses all of these routes until those that do not compile are mended\n"
            )
    return 1 if errors else 0


def _routes(manifest: Path, device: str) -> tuple[tuple[Route, ...], list[RouteError]]:
    """The routes that compile, and what is wrong with the others."""
    document = _read_json(str(manifest))
    content = document.get("content", document) if isinstance(document, dict) else {}
    modules = (
        content.get("modulesContent", content.get("moduleContent")) if isinstance(content, dict) else None
    )
    hub = modules.get("$edgeHub") if isinstance(modules, dict) else None
    desired = hub.get("properties.desired") if isinstance(hub, dict) else None
    if not isinstance(desired, dict):
        raise InputError(
            f'{manifest}: no modulesContent.$edgeHub."properties.desired" in it: give a deployment manifest or template'
        )
    routes = desired.get("routes", {})
    if not isinstance(routes, Mapping):
        raise InputError(f"{manifest}: routes is no object: write route names and routes")
    compile_ = partial(parse_routes, device_id=device, schema_version=desired.get("schemaVersion", ""))
    compiled: list[Route] = []
    errors: list[RouteError] = []
    try:
        compile_({})
    except RouteErrors as refused:  # the version, which concerns them all
        return (), [*refused.errors]
    for name, entry in routes.items():
        try:
            compiled.extend(compile_({name: entry}))
        except RouteErrors as found:
            errors.extend(found.errors)
    return tuple(compiled), errors


def _message(file: str, device: str) -> JsonMessage:
    try:
        message = parse_message(_read_json(file))
    except MessageJsonError as error:
        raise InputError(f"{file}: {error}") from None
    # The hub stamps every message with its sender (spec C.6).
    if any(name.lower() == "connectiondeviceid" for name in message.sys):
        return message
    return message._replace(sys={"connectionDeviceId": device, **message.sys})


def _read_json(file: str) -> Any:
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return json.loads(text.decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}: give a file that can be read") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not JSON in UTF-8 ({error}): mend it there") from None


def _route_document(explanation: Explanation) -> dict[str, object]:
    route = explanation.route
    return {"name": route.name, "route": route.text, **verdict_document(explanation)}


def _error_document(error: RouteError) -> dict[str, object]:
    return {
        "route": error.route,
        "line": error.line,
        "column": error.column,
        "what": error.message,
        "mend": error.mend,
    }


def _print_table(message: JsonMessage, explanations: Sequence[Explanation], matches: Sequence[Match]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy, and machines read --json
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(title=Text(f"message from {message.source}"), title_justify="left", show_lines=True)
    for heading in ("route", "taken", "priority", "why"):
        table.add_column(heading, overflow="fold")
    for explanation in explanations:
        route = explanation.route
        priority = "lowest" if route.priority == DEFAULT_PRIORITY else str(route.priority)
        taken = "yes" if explanation.matched else "no"
        cells = (f"{route.name}\n-> {route.endpoint.id}", taken, priority, "\n".join(reasons(explanation)))
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    console = Console(highlight=False)
    console.print(table)
    for match in matches:
        console.print(Text(_printable(f"one copy to {match.endpoint.id} by {', '.join(match.routes)}")))
    if not matches:
        console.print(Text("no route takes it: the hub acknowledges, drops and counts it (no_route)"))


def reasons(explanation: Explanation) -> list[str]:
    """What decided, a line each."""
    lines: list[str] = []
    if explanation.source_matched and explanation.route.condition is ALWAYS:
        lines.append("it has no WHERE: it takes every message from there")
    elif explanation.source_matched:
        deciding = explanation.deciding
        lines.append(f"condition is {explanation.condition}: {deciding.text} is {deciding.value}")
        lines.extend(f"  {part.text} is {part.value}" for part in explanation.operands)
    notes = explanation.notes if explanation.source_matched else explanation.notes[:1]
    return [*lines, *notes]


def _printable(text: str) -> str:
    """Text that any terminal takes: a route or a property may hold half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
