"""`scripts/edge events --follow --json | scripts/webhook`: what arrives at IoT Hub, as signed webhooks.

Reads JSON lines: events as `scripts/edge events --json` prints them, or bare `event/1` documents; other messages are
counted and left out. `WEBHOOK_URL` and `WEBHOOK_SECRET` come from the environment, since both are secrets.
Exit codes: 0 all delivered, 1 refused, 2 wrong usage, 3 some given up or no events, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import stat
import sys
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import aiohttp
from pydantic import ValidationError

from module_kit.event import SCHEMA, Event
from targets.logic_apps.signature import SecretError, key_of
from targets.logic_apps.sink import WebhookSink

_log = logging.getLogger(__name__)

_LONGEST_LINE = 1 << 20


def event_of(line: bytes) -> Event | None:
    """The event of a line; None for messages of other schemas.

    Raises:
        ValueError: no JSON, or an event that breaks its schema or cannot be sent; the message says which.
    """
    if len(line.removesuffix(b"\n")) > _LONGEST_LINE:
        raise ValueError(f"a line of more than {_LONGEST_LINE} bytes")
    try:
        document = json.loads(line)
    except RecursionError:
        raise ValueError("no JSON: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if (
        isinstance(document, dict)
        and document.get("schema") != SCHEMA
        and isinstance(document.get("body"), dict)
    ):
        document = document["body"]
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return None
    try:
        event = Event.model_validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if not (event.message_id.isascii() and event.message_id.isprintable()):
        raise ValueError("eventId: expected printable ASCII, since the header webhook-id is made of it")
    return event


async def lines_of(file: BinaryIO) -> AsyncIterator[bytes]:
    """Lines of a regular file, which never blocks, or of a pipe or terminal, which must not hold up the loop.

    Of a line that is longer than a megabyte the first bytes alone come, more than a megabyte.
    """
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        while line := file.readline(_LONGEST_LINE + 1):
            yield line
            while len(line) > _LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE + 1)
        return
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), file
    )
    try:
        while line := await _line_of(reader):
            yield line
    finally:
        transport.close()


async def _line_of(reader: asyncio.StreamReader) -> bytes:
    """As `lines_of`; empty at the end. `readline` would give the rest of a long line as a line of its own."""
    beginning = b""
    while True:
        try:
            end = await reader.readuntil()
        except asyncio.IncompleteReadError as error:
            end = error.partial
        except asyncio.LimitOverrunError as error:
            piece = await reader.readexactly(error.consumed)
            beginning = beginning or piece
            continue
        return beginning or end


async def forward(lines: AsyncIterable[bytes], sink: WebhookSink) -> Counter[str]:
    """Feed the sink until the lines end and all is delivered or given up. Returns what was left out, by reason."""
    left_out = Counter[str]()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sink.run(), name="webhook")
        async for line in lines:
            try:
                event = event_of(line)
            except ValueError as error:
                _log.warning("not an event: %s", error)
                left_out["bad"] += 1
            else:
                if event is None:
                    left_out["other_schema"] += 1
                else:
                    await sink.put(event)
        await sink.close()
    return left_out


async def _run(url: str, key: bytes, give_up_s: float) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        sink = WebhookSink(url, key, session, give_up_s=give_up_s)
        left_out = await forward(lines_of(sys.stdin.buffer), sink)
    return {"delivered": sink.delivered, "dropped": dict(sink.dropped), "leftOut": dict(left_out)}


def _settings(environment: Mapping[str, str]) -> tuple[str, bytes]:
    url = environment.get("WEBHOOK_URL", "")
    if urlsplit(url).scheme not in {"https", "http"} or not urlsplit(url).hostname:
        raise ValueError("WEBHOOK_URL: expected https://HOST/...")
    try:
        return url, key_of(environment.get("WEBHOOK_SECRET", ""))
    except SecretError as error:
        raise ValueError(f"WEBHOOK_SECRET: {error}") from None


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
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")
    arguments = parser.parse_args(argv)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    try:
        url, key = _settings(os.environ)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        done = asyncio.run(_run(url, key, arguments.give_up))
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        sys.stdout.write(json.dumps(done) + "\n")
    else:
        dropped, left_out = sum(done["dropped"].values()), sum(done["leftOut"].values())
        sys.stdout.write(f"{done['delivered']} delivered, {dropped} given up, {left_out} left out\n")
    return 3 if done["dropped"] or "bad" in done["leftOut"] else 0


if __name__ == "__main__":
    sys.exit(main())
