"""`python -m edge_runtime events`: read what arrived upstream."""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_runtime.iothub.event import Event, readable, timestamp
from edge_runtime.iothub.store import Filter, read_events
from edge_runtime.state_folder import StateFolder, default_folder

_POLL_S = 0.3
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def main(arguments: Sequence[str]) -> int:
    """Exit code 0; 1 when there is no store to read, or it cannot be read."""
    options = _parser().parse_args(arguments)
    folder = StateFolder(Path(options.state) if options.state else default_folder(options.device))
    store = folder.upstream_store
    if not store.exists() and not options.follow:
        sys.stderr.write(
            f"nothing has arrived: {store} does not exist; "
            "start the runtime, or name its folder with --state or --device\n"
        )
        return 1
    which = Filter(module=options.module, output=options.output, since=options.since)
    try:
        _print_all(store, which, options)
    except sqlite3.Error as error:
        sys.stderr.write(f"{store} cannot be read: {error}\n")
        return 1
    except BrokenPipeError:
        sys.stdout = None
    except KeyboardInterrupt:
        pass
    return 0


def line(event: Event, number: int, *, as_json: bool) -> str:
    """One event as one line."""
    document = readable(event, number)
    if as_json:
        return json.dumps(document, separators=(",", ":"))
    content = document.get("body", document.get("bodyBase64"))
    text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
    source = f"{event.module or event.device}/{event.output or ''}".rstrip("/")
    return f"{timestamp(event.enqueued_at)} {source} {text}"


def moment(text: str) -> datetime:
    """RFC 3339 (UTC when it has no offset), or `10m`: that long ago. Raises argparse's error."""
    ago = _AGO.fullmatch(text)
    if ago:
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a time such as 2026-01-31T12:00:00Z nor an age such as 10m"
        ) from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _print_all(store: Path, which: Filter, options: argparse.Namespace) -> None:
    limit: int | None = options.limit
    while True:
        if store.exists():
            for number, event in read_events(store, which, limit):
                sys.stdout.write(line(event, number, as_json=options.json) + "\n")
                which = replace(which, after_id=number)
            sys.stdout.flush()
            limit = None
        if not options.follow:
            return
        time.sleep(_POLL_S)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime events",
        description="Show what arrived at the local IoT Hub.",
        epilog="exit codes: 0 shown; 1 nothing has ever arrived there, or it cannot be read; 2 wrong arguments",
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--state", help="the runtime's state folder")
    place.add_argument("--device", default="edge", help="the device's name (default: edge)")
    parser.add_argument("--module", help="only what this module sent")
    parser.add_argument("--output", help="only what left by this output")
    parser.add_argument("--since", type=moment, help="only what arrived since: 2026-01-31T12:00:00Z, or 10m")
    parser.add_argument("--limit", type=int, help="the last N events at most")
    parser.add_argument("--follow", action="store_true", help="go on as events arrive, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON document a line")
    return parser
