"""`python -m edge_runtime c2d`: send a message to a device that connects through the one that runs."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from edge_runtime.supervisor.device_option import NotRunningError, add_device_options, endpoints
from edge_runtime.supervisor.option_types import seconds
from edge_runtime.supervisor.service_client import (
    ServiceClient,
    ServiceRefusedError,
    ServiceUnreachableError,
)

_DESCRIPTION = """Send a cloud-to-device message. The local IoT Hub keeps it until the device has confirmed it, as IoT
Hub does: up to 50 a device, of at most 64 KB, for an hour unless --expires-in says otherwise."""
_EPILOG = (
    "exit codes: 0 it waits for the device, or is there; 1 no such device, or refused; 2 wrong arguments"
)


def main(arguments: Sequence[str]) -> int:
    """0; 1 when the device does not run or its IoT Hub refuses."""
    parser = _parser()
    options = parser.parse_args(arguments)
    body = sys.stdin.buffer.read() if options.body == "-" else options.body.encode(errors="surrogateescape")
    document = {
        "bodyBase64": base64.b64encode(body).decode(),
        "properties": dict(options.property),
        "messageId": options.message_id,
        "correlationId": options.correlation_id,
        "contentType": options.content_type,
        "contentEncoding": options.content_encoding,
    }
    if options.expires_in is not None:
        document["expiryTimeUtc"] = (datetime.now(UTC) + timedelta(seconds=options.expires_in)).isoformat()
    try:
        service = ServiceClient(endpoints(options))
        path = ("devices", options.target, "messages", "devicebound")
        answer = service.call("POST", *path, body={k: v for k, v in document.items() if v is not None})
    except (NotRunningError, ServiceRefusedError, ServiceUnreachableError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(_said(answer, as_json=options.json) + "\n")
    return 0


def _said(answer: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(answer)
    count, expiry = answer["cloudToDeviceMessageCount"], answer["expiryTimeUtc"]
    return f"{answer['deviceId']}: sent; {count} wait for it, this one until {expiry}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime c2d", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("target", metavar="DEVICE", help="the device that is to get it")
    parser.add_argument("body", metavar="BODY", help="its text; - for standard input, bytes as they are")
    parser.add_argument("--property", action="append", default=[], type=_property, metavar="NAME=VALUE")
    parser.add_argument("--message-id", metavar="ID")
    parser.add_argument("--correlation-id", metavar="ID")
    parser.add_argument("--content-type", metavar="TYPE", help="such as application/json")
    parser.add_argument("--content-encoding", metavar="NAME", help="such as utf-8")
    parser.add_argument("--expires-in", type=seconds, metavar="S", help="seconds, at most two days")
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_device_options(parser)
    return parser


def _property(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
