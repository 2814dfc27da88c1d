"""`python -m edge_runtime modulecred`: what a module that is started by hand needs to connect."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from edge_runtime.supervisor.control_client import ControlClient, ControlError, HubUnreachableError
from edge_runtime.supervisor.credentials import ModuleCredential, NoCredentialError, module_credential
from edge_runtime.supervisor.device_option import NotRunningError, add_device_options, endpoints
from edge_runtime.supervisor.shell_lines import printable

_DESCRIPTION = """Print the two variables by which the device SDKs connect a module that the runtime does not start:

  EdgeHubConnectionString='HostName=...;GatewayHostName=...;DeviceId=...;ModuleId=...;SharedAccessKey=...'
  EdgeModuleCACertificateFile=...

THE OUTPUT IS A SECRET: who has it can act as the module. It goes to standard output alone. The lines suit a shell
(python -m edge_runtime modulecred camera >camera.env; set -a; . ./camera.env; set +a) and the "envFile" of a launch
configuration of VS Code. They stay good for as long as the state folder does."""
_EPILOG = """exit codes: 0 printed; 1 the device does not run, or has no such module; 2 wrong arguments"""


def main(arguments: Sequence[str]) -> int:
    """0; 1 when there is nothing to print."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime modulecred",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("module", help="a module of the device, such as camera")
    parser.add_argument(
        "--create", action="store_true", help="make the module when neither manifest nor caller has named it"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object in place of lines")
    add_device_options(parser)
    options = parser.parse_args(arguments)
    try:
        found = endpoints(options)
        control = ControlClient(found["control"])
        credential = module_credential(control, found, options.module, create=options.create)
    except (NotRunningError, NoCredentialError, HubUnreachableError, ControlError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if credential.connected:
        sys.stderr.write(_fight(credential))
    sys.stdout.write(printable(credential.variables(), as_json=options.json))
    return 0


def _fight(credential: ModuleCredential) -> str:
    mend = f"leave it out with run --without {credential.module}" if credential.deployed else "end that one"
    return (
        f"warning: {credential.module} is connected already; two with one identity end each other's "
        f"connection again and again: {mend}\n"
    )
