"""Connection strings of a device that runs, for whoever connects without its workload API (spec A.1, A.5, E.9)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_runtime.supervisor.control_client import ControlClient
from edge_runtime.supervisor.options import IOTHUB_HOSTNAME

_KEY_BYTES = 32


class NoCredentialError(Exception):
    """There is nothing to hand out; the message says why and the mend."""


@dataclass(frozen=True, slots=True)
class ModuleCredential:
    """What both SDKs take from `EdgeHubConnectionString` and `EdgeModuleCACertificateFile`.

    `connected`: somebody holds a connection as this module now; `deployed`: the manifest names it.
    """

    module: str
    connection_string: str = field(repr=False)
    ca_file: str
    connected: bool
    deployed: bool

    def variables(self) -> dict[str, str]:
        """The two environment variables."""
        return {
            "EdgeHubConnectionString": self.connection_string,
            "EdgeModuleCACertificateFile": self.ca_file,
        }


def module_credential(
    control: ControlClient, endpoints: Mapping[str, Any], module: str, *, create: bool = False
) -> ModuleCredential:
    """The credential of a module; `create` makes one that the device does not have.

    `endpoints` is STATE/endpoints.json. Raises NoCredentialError, ControlError, HubUnreachableError.
    """
    found = _entry(control, module)
    if found is None and create:
        control.put_identity(module, _new_key(), _new_key())
        found = _entry(control, module)
    if found is None:
        known = ", ".join(sorted(e["module"] for e in _modules(control))) or "none"
        raise NoCredentialError(
            f"{endpoints['device']} has no module {module!r}; it has: {known}. "
            "To make one that the manifest does not name, add --create"
        )
    parts = {
        "HostName": IOTHUB_HOSTNAME,
        "GatewayHostName": endpoints["address"],
        "DeviceId": endpoints["device"],
        "ModuleId": found["module"],
        "SharedAccessKey": found["primaryKey"],
    }
    return ModuleCredential(
        module=found["module"],
        connection_string=connection_string(parts),
        ca_file=endpoints["iothub"]["caFile"],
        connected=found["connected"],
        deployed=found["deployed"],
    )


def iothub_variables(control: ControlClient, endpoints: Mapping[str, Any]) -> dict[str, str]:
    """What iotedgedev and iotedgehubdev take of a device and its IoT Hub, by the names that `.env` has for them.

    Raises NoCredentialError, ControlError, HubUnreachableError.
    """
    owner = endpoints["iothub"]["connectionString"]
    if owner is None:
        raise NoCredentialError("the local IoT Hub's service API is off; edgeHub's log says why")
    host = dict(part.partition("=")[::2] for part in owner.split(";"))["HostName"]
    key = next(entry["primaryKey"] for entry in control.identities() if entry["module"] is None)
    parts = {"HostName": host, "DeviceId": endpoints["device"], "SharedAccessKey": key}
    return {
        "DEVICE_CONNECTION_STRING": connection_string(parts),
        "IOTHUB_CONNECTION_STRING": owner,
        "REQUESTS_CA_BUNDLE": endpoints["iothub"]["caFile"],
    }


def connection_string(parts: Mapping[str, str]) -> str:
    """`NAME=VALUE` joined by semicolons, none at the end (spec A.1-5). Raises NoCredentialError."""
    for name, value in parts.items():
        if ";" in value:
            raise NoCredentialError(
                f"{name} {value!r} holds a semicolon, which no connection string can; choose another name"
            )
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _entry(control: ControlClient, module: str) -> dict[str, Any] | None:
    """Ids are compared ignoring case, as the hub does."""
    wanted = module.casefold()
    return next((entry for entry in _modules(control) if entry["module"].casefold() == wanted), None)


def _modules(control: ControlClient) -> list[dict[str, Any]]:
    return [entry for entry in control.identities() if entry["module"] is not None]


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
