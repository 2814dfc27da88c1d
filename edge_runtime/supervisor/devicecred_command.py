"""`python -m edge_runtime devicecred`: what the tools of IoT Edge need to take the local IoT Hub for the cloud's."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from edge_runtime.supervisor.control_client import ControlClient, ControlError, HubUnreachableError
from edge_runtime.supervisor.credentials import NoCredentialError, iothub_variables
from edge_runtime.supervisor.device_option import NotRunningError, add_device_options, endpoints
from edge_runtime.supervisor.shell_lines import printable

_DESCRIPTION = """Print the variables by which iotedgedev, iotedgehubdev and scripts of your own find the local IoT Hub:

  DEVICE_CONNECTION_STRING='HostName=...;DeviceId=...;SharedAccessKey=...'
  IOTHUB_CONNECTION_STRING='HostName=...;SharedAccessKeyName=iothubowner;SharedAccessKey=...'
  REQUESTS_CA_BUNDLE=...

THE OUTPUT IS A SECRET: who has it can do anything to the device. It goes to standard output alone. The lines suit a
shell (set -a; . FILE; set +a) and the .env of a solution."""


def main(arguments: Sequence[str]) -> int:
    """0; 1 when there is nothing to print."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime devicecred",
        description=_DESCRIPTION,
        epilog="exit codes: 0 printed; 1 the device does not run, or its service API is off; 2 wrong arguments",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object in place of lines")
    add_device_options(parser)
    options = parser.parse_args(arguments)
    try:
        found = endpoints(options)
        variables = iothub_variables(ControlClient(found["control"]), found)
    except (NotRunningError, NoCredentialError, HubUnreachableError, ControlError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(printable(variables, as_json=options.json))
    return 0
