"""`python -m edge_runtime device`: the devices that connect through the one that runs, made and ended by hand."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge_runtime.iothub.service.scope import reason_barred
from edge_runtime.supervisor.credentials import NoCredentialError, connection_string
from edge_runtime.supervisor.device_option import NotRunningError, add_device_options, endpoints
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME
from edge_runtime.supervisor.service_client import (
    ServiceClient,
    ServiceRefusedError,
    ServiceUnreachableError,
)
from edge_runtime.supervisor.shell_lines import printable

_DESCRIPTION = """Devices beside the modules: sensors, phones or scripts that use the device SDK, with the device that
runs as their gateway.

  add NAME      make one; prints what it connects with
  show NAME     print that again
  list          all of them
  disable NAME  disconnect it, and refuse it from now on; enable NAME takes that back
  remove NAME   delete it, with its twin and the messages that wait for it

add and show print two lines that suit a shell:

  IOTHUB_DEVICE_CONNECTION_STRING='HostName=...;GatewayHostName=...;DeviceId=...;SharedAccessKey=...'
  IOTHUB_DEVICE_CA_FILE=...

THE CONNECTION STRING IS A SECRET: who has it can act as the device. In Python:

  IoTHubDeviceClient.create_from_connection_string(connection_string, server_verification_cert=TEXT_OF_CA_FILE)

add NAME --x509 makes a certificate of the local authority in place of a key, and prints where it lies:

  IoTHubDeviceClient.create_from_x509_certificate(X509(CERTIFICATE, KEY), HOSTNAME, DEVICE_ID,
      gateway_hostname=GATEWAY, server_verification_cert=TEXT_OF_CA_FILE)"""
_EPILOG = "exit codes: 0 done; 1 no such device, or refused, or nothing runs; 2 wrong arguments"
_EXPLAINED = {
    None: "yes",
    "disabled_identity": "no: disabled",
    "edge_device": "no: an edge device",
    "not_a_child": "no: its deviceScope names another parent, or none",
    "no_shared_key": "no: it has neither a shared key nor a thumbprint",
}


def main(arguments: Sequence[str]) -> int:
    """0; 1 when the device does not run or its IoT Hub refuses."""
    options = _parser().parse_args(arguments)
    try:
        found = endpoints(options)
        service = ServiceClient(found)
        action: Callable[[argparse.Namespace, Mapping[str, Any], ServiceClient], None] = options.action
        action(options, found, service)
    except (NotRunningError, NoCredentialError, ServiceRefusedError, ServiceUnreachableError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m edge_runtime device",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(required=True, metavar="add|show|list|disable|enable|remove")
    for name, action in (
        ("add", _add),
        ("show", _show),
        ("list", _list),
        ("disable", _disable),
        ("enable", _enable),
        ("remove", _remove),
    ):
        one = actions.add_parser(name, epilog=_EPILOG)
        if action is not _list:
            one.add_argument("name", help="the device's id")
        if action in (_add, _show, _list):
            one.add_argument("--json", action="store_true", help="JSON in place of lines")
        if action is _add:
            one.add_argument("--x509", action="store_true", help="a certificate in place of a key")
        add_device_options(one)
        one.set_defaults(action=action)
    return parser


def _add(options: argparse.Namespace, found: Mapping[str, Any], service: ServiceClient) -> None:
    edge = service.call("GET", "devices", found["device"])
    body: dict[str, Any] = {"deviceId": options.name, "deviceScope": edge["deviceScope"]}
    if options.x509:
        _add_with_certificate(options, found, service, body)
        return
    _print_credential(options, found, service.call("PUT", "devices", options.name, body=body))


def _add_with_certificate(
    options: argparse.Namespace, found: Mapping[str, Any], service: ServiceClient, body: dict[str, Any]
) -> None:
    # Heavy, and needed here alone.
    from edge_runtime.supervisor import device_certificate  # noqa: PLC0415

    issued, thumbprint = device_certificate.issue(found, options.name)
    body["authentication"] = {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": thumbprint}}
    service.call("PUT", "devices", options.name, body=body)
    _print_variables(
        options,
        {
            "IOTHUB_DEVICE_HOSTNAME": IOTHUB_HOSTNAME,
            "IOTHUB_DEVICE_GATEWAY": found["address"],
            "IOTHUB_DEVICE_ID": options.name,
            **device_certificate.keep(found, options.name, issued),
            "IOTHUB_DEVICE_CA_FILE": found["iothub"]["caFile"],
        },
    )


def _show(options: argparse.Namespace, found: Mapping[str, Any], service: ServiceClient) -> None:
    _print_credential(options, found, service.call("GET", "devices", options.name))


def _print_credential(
    options: argparse.Namespace, found: Mapping[str, Any], identity: Mapping[str, Any]
) -> None:
    keys = identity["authentication"].get("symmetricKey")
    if not keys:
        raise NoCredentialError(
            f"{options.name} has no shared key; it connects with a certificate, or not at all"
        )
    text = connection_string(
        {
            "HostName": IOTHUB_HOSTNAME,
            "GatewayHostName": found["address"],
            "DeviceId": identity["deviceId"],
            "SharedAccessKey": keys["primaryKey"],
        }
    )
    variables = {
        "IOTHUB_DEVICE_CONNECTION_STRING": text,
        "IOTHUB_DEVICE_CA_FILE": found["iothub"]["caFile"],
    }
    _print_variables(options, variables)
    reason = reason_barred(identity, found["device"]) if identity["deviceId"] != found["device"] else None
    if reason is not None:
        sys.stderr.write(f"warning: {options.name} may not connect ({_EXPLAINED.get(reason, reason)})\n")


def _print_variables(options: argparse.Namespace, variables: Mapping[str, str]) -> None:
    sys.stdout.write(printable(variables, as_json=options.json))


def _list(options: argparse.Namespace, found: Mapping[str, Any], service: ServiceClient) -> None:
    rows = [
        {
            "device": one["deviceId"],
            "connected": one["connectionState"] == "Connected",
            "barred": reason_barred(one, found["device"]),
            "waiting": one["cloudToDeviceMessageCount"],
        }
        for one in service.call("GET", "devices")
        if one["deviceId"] != found["device"]
    ]
    if options.json:
        sys.stdout.writelines(json.dumps(row) + "\n" for row in rows)
        return
    width = max([len("DEVICE"), *(len(row["device"]) for row in rows)])
    sys.stdout.write(f"{'DEVICE':{width}}  CONNECTED  WAITING  MAY CONNECT\n")
    for row in rows:
        connected = "yes" if row["connected"] else "no"
        explained = _EXPLAINED.get(row["barred"], f"no: {row['barred']}")
        sys.stdout.write(f"{row['device']:{width}}  {connected:9}  {row['waiting']:7}  {explained}\n")


def _disable(options: argparse.Namespace, _: Mapping[str, Any], service: ServiceClient) -> None:
    service.call("PUT", "devices", options.name, body={"status": "disabled"}, if_match="*")


def _enable(options: argparse.Namespace, _: Mapping[str, Any], service: ServiceClient) -> None:
    service.call("PUT", "devices", options.name, body={"status": "enabled"}, if_match="*")


def _remove(options: argparse.Namespace, _: Mapping[str, Any], service: ServiceClient) -> None:
    service.call("DELETE", "devices", options.name, if_match="*")
