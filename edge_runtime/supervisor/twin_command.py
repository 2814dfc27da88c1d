"""`python -m edge_runtime twin`: show a module's twin, or patch its desired properties."""

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


def main(arguments: Sequence[str]) -> int:
    """0; 1 when the device does not run or refuses."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime twin",
        description="Show a module's twin; with --patch change its desired properties first.",
        epilog="exit codes: 0 done; 1 no such device or module, or the patch is refused; 2 wrong arguments",
    )
    parser.add_argument("module", help="a module's name, or $edgeAgent, $edgeHub")
    parser.add_argument("--patch", type=json_argument, metavar="JSON", help="null removes a property")
    add_device_options(parser)
    options = parser.parse_args(arguments)
    try:
        client = control_client(options)
        if options.patch is not None:
            client.patch_desired(options.module, options.patch)
        sys.stdout.write(json.dumps(client.twin(options.module), indent=2) + "\n")
    except (NotRunningError, HubUnreachableError, ControlError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
