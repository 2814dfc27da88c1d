"""IoT Hub through the unmodified service SDK (`azure-iot-hub`), which no other file imports.

Everything raises HubError for a refusal and HubUnreachableError when there is no answer; no message of theirs
holds the connection string.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.models import (
    Configuration,
    ConfigurationContent,
    QuerySpecification,
)
from msrest.exceptions import ClientException, HttpOperationError  # type: ignore[import-not-found]

from release.deploy.automatic import Automatic
from release.deploy.content import AGENT, HUB, modules_of
from release.deploy.environment import Connection
from release.deploy.outcome import HubError, HubUnreachableError
from release.deploy.twins import ModuleTwin, Snapshot

_TIMEOUT_S = 30
_MOST_CONFIGURATIONS = 100
_QUERY_PAUSE_S = 15.0
"""Two queries each time: an IoT Hub of one unit S1 answers 20 a minute, to everybody together."""
_AT_ONCE = 8
"""Devices whose twins are read side by side: an S1 IoT Hub gives 100 twins a second, to everybody together."""
_PASSING = {408, 429, 500, 502, 503, 504}
"""Answers that may be another one in a moment."""


class IotHub:
    """One IoT Hub. Making it opens no connection."""

    def __init__(self, connection: Connection) -> None:
        self.host = connection.host
        self.query_pause_s = 0.0 if connection.device is not None else _QUERY_PAUSE_S
        try:
            self._registry = IoTHubRegistryManager(connection.connection_string)
            self._configurations = IoTHubConfigurationManager(connection.connection_string)
        except ValueError:
            raise HubError(f"{connection.host}: the connection string cannot be read") from None
        for manager in (self._registry, self._configurations):
            settings = manager.protocol.config
            settings.connection.timeout = _TIMEOUT_S
            if connection.ca_file is not None:
                settings.connection.verify = str(connection.ca_file)
            if connection.device is not None:
                settings.proxies.use_env_settings = False  # this machine itself is never behind a proxy
        # Kept, since the SDK keeps a connection for each thread.
        self._readers = ThreadPoolExecutor(_AT_ONCE, "twins")

    def twin(self, device: str, module: str) -> ModuleTwin | None:
        """None when there is no such module."""
        try:
            twin = self._ask(lambda: self._registry.get_module_twin(device, module))
        except HubError as error:
            if error.status == 404:
                return None
            raise
        properties = twin.properties
        return ModuleTwin.of({"desired": properties.desired or {}, "reported": properties.reported or {}})

    def snapshot(self, device: str, modules: Iterable[str] = ()) -> Snapshot:
        """Twins of the system modules, of the modules that are deployed, and of `modules`, as far as there are.

        Raises HubError when there is no such edge device.
        """
        agent = self.twin(device, AGENT)
        if agent is None:
            raise HubError(
                f"{self.host} knows no edge device {device!r} (az iot hub device-identity create --edge-enabled)",
                404,
            )
        found = {AGENT: agent}
        for module in dict.fromkeys((HUB, *modules_of({AGENT: agent.desired}), *modules)):
            twin = agent if module == AGENT else self.twin(device, module)
            if twin is not None:
                found[module] = twin
        return found

    def snapshots(self, devices: Iterable[str], modules: Iterable[str] = ()) -> dict[str, Snapshot]:
        """The same of several devices, read side by side. Raises HubError as soon as one cannot be read."""
        names, wanted = list(devices), tuple(modules)
        if len(names) == 1:
            return {names[0]: self.snapshot(names[0], wanted)}
        reading = {name: self._readers.submit(self.snapshot, name, wanted) for name in names}
        try:
            return {name: one.result() for name, one in reading.items()}
        finally:
            for one in reading.values():
                one.cancel()

    def apply(self, device: str, content: Mapping[str, Any]) -> None:
        """Deploy to one device."""
        wire = ConfigurationContent(modules_content=dict(content))
        self._ask(lambda: self._configurations.apply_configuration_on_edge_device(device, wire))

    def automatic(self) -> list[Automatic]:
        """All configurations for edge devices."""
        found = self._ask(lambda: self._configurations.get_configurations(_MOST_CONFIGURATIONS))
        return [_automatic(one) for one in found if one.content and one.content.modules_content]

    def create(self, automatic: Automatic) -> None:
        """A new configuration."""
        wire = _configuration(automatic)
        self._ask(lambda: self._configurations.create_configuration(wire))

    def update(self, automatic: Automatic) -> None:
        """Change all but its content."""
        wire = _configuration(automatic)
        self._ask(lambda: self._configurations.update_configuration(wire, automatic.etag or "*"))

    def delete(self, name: str) -> None:
        """Delete a configuration; one that is not there is deleted already."""
        try:
            self._ask(lambda: self._configurations.delete_configuration(name))
        except HubError as error:
            if error.status != 404:
                raise

    def targeted(self, condition: str) -> list[str]:
        """The edge devices that a target condition means."""
        if not condition.strip():
            return []
        own = "" if condition.strip() == "*" else f" AND ({condition})"
        # The condition is the operator's own, and the query language can change nothing.
        return self._names(f"SELECT deviceId FROM devices WHERE capabilities.iotEdge = true{own}")  # noqa: S608

    def applied(self, name: str) -> list[str]:
        """The devices whose agents a configuration was applied to."""
        status = f"configurations.[[{name}]].status = 'Applied'"
        return self._names(f"SELECT deviceId FROM devices.modules WHERE moduleId = '$edgeAgent' AND {status}")  # noqa: S608

    def _names(self, query: str) -> list[str]:
        names: list[str] = []
        token = None
        while True:
            asked = QuerySpecification(query=query)
            page = self._ask(partial(self._registry.query_iot_hub, asked, token, 100))
            names += [str(twin.device_id) for twin in page.items or ()]
            token = page.continuation_token
            if not token:
                return sorted(names)

    def _ask(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except HttpOperationError as error:
            raise _refusal(self.host, error.response.status_code, error.response.text) from None
        except ClientException as error:
            reason = str(error.inner_exception or error).partition("\n")[0]
            raise HubUnreachableError(f"{self.host} does not answer: {reason}") from None


def _refusal(host: str, status: int, body: str) -> HubError:
    try:
        document = json.loads(body)
        text = str(document.get("Message") or document.get("message") or body)
    except (ValueError, AttributeError):
        text = body
    message = text.removeprefix("ErrorCode:").strip()[:500] or f"status {status}"
    if status in _PASSING:
        return HubUnreachableError(f"{host} cannot answer now ({status}): {message}", status)
    mend = (
        " (is the key right, and may the policy read and write the registry?)" if status in (401, 403) else ""
    )
    return HubError(f"{host} refuses ({status}): {message}{mend}", status)


def _automatic(one: Any) -> Automatic:
    return Automatic(
        name=one.id,
        content=one.content.modules_content,
        condition=one.target_condition or "",
        priority=one.priority or 0,
        labels=one.labels or {},
        created=one.created_time_utc.isoformat() if one.created_time_utc else "",
        etag=one.etag,
    )


def _configuration(automatic: Automatic) -> Any:
    return Configuration(
        id=automatic.name,
        schema_version="1.0",
        labels=dict(automatic.labels),
        content=ConfigurationContent(modules_content=dict(automatic.content)),
        target_condition=automatic.condition,
        priority=automatic.priority,
    )
