"""What an environment (dev, test, prod) says, and where its IoT Hub is.

Variables come from the process, then `environments/NAME.env`, then `.env`; a name that none of them has is an error,
so that no default of `.env.template` reaches a device unseen.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.manifest import ManifestError
from edge_runtime.manifest.env_file import entries
from release.deploy.outcome import UsageError
from release.endpoints import EndpointsError, read_endpoints

CONNECTION_STRING = "IOTHUB_CONNECTION_STRING"
STATE = "EDGE_RUNTIME_STATE"
"""Names the state folder of a local device, whose IoT Hub is used then; as `--state`."""
_PARTS = ("HostName", "SharedAccessKeyName", "SharedAccessKey")


@dataclass(frozen=True, slots=True)
class Environment:
    """`file` has the environment's own values; `process` completes the process's with those of `.env`."""

    name: str
    file: Path
    own: Mapping[str, str]
    process: Mapping[str, str] = field(repr=False)

    def get(self, name: str) -> str | None:
        """The value of a variable; blank counts as none."""
        return self.process.get(name) or self.own.get(name) or None


@dataclass(frozen=True, slots=True)
class Connection:
    """An IoT Hub. `ca_file` is None for Azure, whose certificates every machine trusts."""

    connection_string: str = field(repr=False)
    host: str
    ca_file: Path | None = None
    device: str | None = None


def read_environment(root: Path, name: str, process: Mapping[str, str]) -> Environment:
    """Raises UsageError when there is no such environment, or a line of its file cannot be read."""
    folder = root / "environments"
    file = folder / f"{name}.env"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.env"))) or "none"
        raise UsageError(f"--env {name}: {file} is missing; there are: {known}")
    try:
        own = {key: value for key, value, _ in entries(file)}
        secret = entries(root / ".env") if (root / ".env").is_file() else []
    except ManifestError as error:
        raise UsageError(str(error)) from None
    completed = {key: value for key, value, _ in secret if key not in own and value}
    return Environment(name, file, own, {**completed, **process})


def find_connection(environment: Environment, state: Path | None) -> Connection:
    """The local IoT Hub of `state` (or EDGE_RUNTIME_STATE), else IOTHUB_CONNECTION_STRING. Raises UsageError."""
    folder = state or (Path(named) if (named := environment.get(STATE)) else None)
    if folder is not None:
        return _local(folder)
    text = environment.get(CONNECTION_STRING)
    if not text:
        raise UsageError(
            f"no IoT Hub: set {CONNECTION_STRING} in the environment or .env (a secret: never as an argument), "
            f"or name a local device's state folder with --state or {STATE}"
        )
    host = _host(text)
    bundle = environment.process.get("REQUESTS_CA_BUNDLE")
    return Connection(text, host, Path(bundle) if bundle else None)


def _local(folder: Path) -> Connection:
    try:
        found = read_endpoints(folder)
    except EndpointsError as error:
        raise UsageError(
            f"{error}: cannot be read; is a device running there? python -m edge_runtime run writes it when it is up"
        ) from None
    if not found.connection_string:
        raise UsageError(f"{found.file}: the device's local IoT Hub is not up yet; try again in a moment")
    return Connection(found.connection_string, _host(found.connection_string), found.ca_file, found.device)


def _host(text: str) -> str:
    parts: dict[str, str] = dict(re.findall(r"(\w+)=([^;]*)", text))
    missing = [part for part in _PARTS if not parts.get(part)]
    if missing:
        told = ", it is a device's" if "DeviceId" in parts else ""
        raise UsageError(
            f"{CONNECTION_STRING} is no connection string of an IoT Hub{told}: {' and '.join(missing)} missing "
            "(IoT Hub, Shared access policies; the policy needs registry write and service connect)"
        )
    try:
        base64.b64decode(parts["SharedAccessKey"], validate=True)
    except binascii.Error:
        raise UsageError(
            f"the SharedAccessKey of {CONNECTION_STRING} is no base64: was all of it copied?"
        ) from None
    return parts["HostName"]
