"""`python -m edge_runtime method`: call a direct method of a module."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from edge_runtime.supervisor.control_client import ControlError, HubUnreachableError
from edge_runtime.supervisor.device_option import (
    NotRunningError,
    add_device_options,
    control_client,
    json_argument,
)

_MARGIN_S = 5.0


def main(arguments: Sequence[str]) -> int:
    """0 when the method answered a status below 300; 1 otherwise."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime method",
        description="Call a direct method; prints its answer's payload as JSON.",
        epilog="exit codes: 0 the method answered a status below 300; 1 it answered another, or not at "
        "all, or the device does not run; 2 wrong arguments",
    )
    parser.add_argument("module")
    parser.add_argument("name")
    parser.add_argument("--payload", type=json_argument, metavar="JSON")
    parser.add_argument("--timeout", type=int, default=30, metavar="S", help="wait for the answer (5 to 300)")
    add_device_options(parser)
    options = parser.parse_args(arguments)
    call = {
        "methodName": options.name,
        "payload": options.payload,
        "responseTimeoutInSeconds": options.timeout,
    }
    try:
        answer = control_client(options).invoke(options.module, call, options.timeout + _MARGIN_S)
    except (NotRunningError, HubUnreachableError, ControlError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(answer["payload"], indent=2) + "\n")
    if answer["status"] >= 300:
        sys.stderr.write(f"{options.name} answered status {answer['status']}\n")
        return 1
    return 0
