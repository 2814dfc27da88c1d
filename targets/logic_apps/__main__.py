"""`scripts/edge events --follow --json | scripts/webhook`: what arrives at IoT Hub, as signed webhooks.

Reads JSON lines: events as `scripts/edge events --json` prints them, or bare `event/1` documents; other messages are
counted and left out. `WEBHOOK_URL` and `WEBHOOK_SECRET` come from the environment, since both are secrets.
With `--position FILE` a restart goes on where the last run ended.
Exit codes: 0 all delivered, 1 refused, 2 wrong usage, 3 some given up or no events, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import AsyncIterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from targets.logic_apps.feed import line_of, lines_of
from targets.logic_apps.position import PositionError, PositionFile
from targets.logic_apps.signature import SecretError, key_of
from targets.logic_apps.sink import WebhookSink

_log = logging.getLogger(__name__)


async def forward(
    lines: AsyncIterable[bytes], sink: WebhookSink, done: PositionFile | None = None
) -> Counter[str]:
    """Feed the sink until the lines end and all is delivered or given up. Returns what was left out, by reason.

    done: what it covers is left out, and it moves with what is delivered or given up. Raises its PositionError.
    """
    left_out = Counter[str]()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sink.run(), name="webhook")
        async for text in lines:
            try:
                line = line_of(text)
                known = done is not None and done.covers(line.position)
                event = None if known else line.event()
            except ValueError as error:
                _log.warning("not an event: %s", error)
                left_out["bad"] += 1
                continue
            if event is None:
                left_out["before" if known else "other_schema"] += 1
                continue
            await sink.put(event, partial(done.reach, line.position) if done and line.position else None)
        await sink.close()
    return left_out


async def _run(url: str, key: bytes, give_up_s: float, done: PositionFile | None) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        sink = WebhookSink(url, key, session, give_up_s=give_up_s)
        left_out = await forward(lines_of(sys.stdin.buffer), sink, done)
    return {"delivered": sink.delivered, "dropped": dict(sink.dropped), "leftOut": dict(left_out)}


class SettingsError(Exception):
    """A variable that is not there or wrong; the message names it and not its value."""


def _settings(environment: Mapping[str, str]) -> tuple[str, bytes]:
    url = environment.get("WEBHOOK_URL", "")
    if urlsplit(url).scheme not in {"https", "http"} or not urlsplit(url).hostname:
        raise SettingsError("WEBHOOK_URL: expected https://HOST/...")
    try:
        return url, key_of(environment.get("WEBHOOK_SECRET", ""))
    except SecretError as error:
        raise SettingsError(f"WEBHOOK_SECRET: {error}") from None


def _seconds(text: str) -> float:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= 604_800:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 1 to 604800 seconds")
    return float(text)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/webhook", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--give-up",
        type=_seconds,
        default=3600.0,
        metavar="S",
        help="how long an event is tried (default 3600)",
    )
    parser.add_argument(
        "--position",
        type=Path,
        metavar="FILE",
        help="keeps how far this receiver has what arrived, so that a restart goes on there (default: begin anew)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")
    arguments = parser.parse_args(argv)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    try:
        url, key = _settings(os.environ)
        position = PositionFile(arguments.position) if arguments.position else None
        done = asyncio.run(_run(url, key, arguments.give_up, position))
    except KeyboardInterrupt:
        return 130
    except (SettingsError, PositionError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except ExceptionGroup as group:
        # Of the task group: the delivery's end comes wrapped.
        found, others = group.split(PositionError)
        if found is None or others is not None:
            raise
        sys.stderr.write(f"{found.exceptions[0]}\n")
        return 1
    if arguments.json:
        sys.stdout.write(json.dumps(done) + "\n")
    else:
        dropped, left_out = sum(done["dropped"].values()), sum(done["leftOut"].values())
        sys.stdout.write(f"{done['delivered']} delivered, {dropped} given up, {left_out} left out\n")
    return 3 if done["dropped"] or "bad" in done["leftOut"] else 0


if __name__ == "__main__":
    sys.exit(main())
