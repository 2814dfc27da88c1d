"""The document that makes a container: the module's createOptions, whole, and what the runtime adds. Pure.

createOptions are Docker's own container-create document, which the engine reads without regard to case, so what is
added goes where the author spelt it. Whatever else is in there reaches the engine as it is.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.agent.docker.ownership import Network, Owner
from edge_runtime.agent.engine import EngineError
from edge_runtime.manifest import ModuleSpec

WORKLOAD_FOLDER = "/run/iotedge"
"""Where a module finds its workload socket's folder: the folder, because a socket that is bound anew when the hub
starts again is another file."""
DEVICE_NETWORK = "azure-iot-edge"
"""How createOptions call the network that a real device's modules join."""
DEFAULT_LOGGING = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
_SYSTEM_MODULES = ("edgeHub", "edgeAgent")
_NO_NETWORK_OF_ITS_OWN = ("none", "container:")
_WITHOUT_ALIASES = ("host", "none", "bridge", "default")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all containers of a device have in common. `logging`: the LogConfig of those that name none."""

    owner: Owner
    network: Network
    logging: dict[str, Any] = field(default_factory=lambda: DEFAULT_LOGGING)


def container_document(
    spec: ModuleSpec, variables: Mapping[str, str], workload: Path, surroundings: Surroundings
) -> dict[str, Any]:
    """The body of `POST /containers/create`. Raises EngineError for createOptions of another shape.

    Args:
        spec: the module.
        variables: what edgeAgent injects; they win over the module's `env`, and that over createOptions' `Env`.
        workload: folder of the module's workload socket.
        surroundings: the device's.
    """
    document = _Section(copy.deepcopy(spec.create_options), "createOptions")
    document["Image"] = spec.image
    document["Env"] = _environment(document.list("Env"), {**spec.env, **variables})
    document["Labels"] = {**document.mapping("Labels"), **surroundings.owner.labels(spec.name)}
    host = document.section("HostConfig")
    mount = {"Type": "bind", "Source": str(workload), "Target": WORKLOAD_FOLDER, "ReadOnly": True}
    host["Mounts"] = [*host.list("Mounts"), mount]
    if not host.mapping("LogConfig"):
        host["LogConfig"] = surroundings.logging
    _join_network(spec.name, document, host, surroundings)
    return document.content


def logging_of(runtime: Mapping[str, Any]) -> dict[str, Any]:
    """The LogConfig of modules that name none: `runtime.settings.loggingOptions`, `{"type", "config"}` as text."""
    settings = runtime.get("settings")
    text = settings.get("loggingOptions") if isinstance(settings, dict) else None
    try:
        options = _Section(json.loads(text or "{}"), "loggingOptions")
        kind = options.get("Type")
    except (TypeError, ValueError, EngineError):
        return DEFAULT_LOGGING
    return (
        {"Type": kind, "Config": options.get("Config") or {}}
        if isinstance(kind, str) and kind
        else DEFAULT_LOGGING
    )


def _environment(own: list[Any], variables: Mapping[str, str]) -> list[str]:
    """The `Env` of createOptions below `variables`; an entry without `=` takes the image's variable away."""
    names = {str(entry).partition("=")[0] for entry in own}
    default = {} if "RuntimeLogLevel" in names else {"RuntimeLogLevel": "info"}
    kept = [str(entry) for entry in own if str(entry).partition("=")[0] not in variables]
    return [*kept, *(f"{name}={value}" for name, value in {**default, **variables}.items())]


def _join_network(module: str, document: _Section, host: _Section, surroundings: Surroundings) -> None:
    """The device's network unless createOptions name another, as edgeAgent has it; other modules find it by name."""
    mode = str(host.get("NetworkMode") or "")
    if mode.startswith(_NO_NETWORK_OF_ITS_OWN):
        return
    _name_hosts(host, surroundings)
    networking = document.section("NetworkingConfig")
    ours = surroundings.network.name
    endpoints = {
        ours if name == DEVICE_NETWORK else name: endpoint
        for name, endpoint in networking.mapping("EndpointsConfig").items()
    }
    if not endpoints and mode in {"", "default", "bridge", DEVICE_NETWORK}:
        host["NetworkMode"] = ours
        endpoints = {ours: {}}
    elif mode == DEVICE_NETWORK:
        host["NetworkMode"] = ours
    elif not endpoints and mode not in _WITHOUT_ALIASES:
        endpoints = {mode: {}}
    if endpoints:
        networking["EndpointsConfig"] = {
            name: endpoint if name in _WITHOUT_ALIASES else _with_alias(name, endpoint, module)
            for name, endpoint in endpoints.items()
        }


def _with_alias(network: str, endpoint: Any, module: str) -> dict[str, Any]:
    settings = _Section(endpoint or {}, f"EndpointsConfig.{network}")
    settings["Aliases"] = list(dict.fromkeys([*settings.list("Aliases"), module]))
    return settings.content


def _name_hosts(host: _Section, surroundings: Surroundings) -> None:
    """The hub's names lead to the network's gateway, but for those that createOptions lead elsewhere."""
    own = host.list("ExtraHosts")
    taken = {str(entry).replace("=", ":", 1).partition(":")[0].lower() for entry in own}
    names = (surroundings.owner.gateway_hostname, *_SYSTEM_MODULES)
    added = [f"{name}:{surroundings.network.gateway}" for name in names if name.lower() not in taken]
    host["ExtraHosts"] = [*own, *added]


class _Section:
    """An object of the document, whose members are found whatever the case of their names."""

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, dict):
            raise EngineError(f"{where} must be an object, not {json.dumps(content)[:40]}")
        self.content: dict[str, Any] = content
        self._where = where

    def _spelt(self, name: str) -> str:
        return next((key for key in self.content if key.lower() == name.lower()), name)

    def get(self, name: str) -> Any:
        return self.content.get(self._spelt(name))

    def __setitem__(self, name: str, value: Any) -> None:
        self.content[self._spelt(name)] = value

    def section(self, name: str) -> _Section:
        """The object of this name, made when there is none or null."""
        if self.get(name) is None:
            self[name] = {}
        return _Section(self.get(name), f"{self._where}.{name}")

    def mapping(self, name: str) -> dict[str, Any]:
        """The object of this name; nothing when there is none."""
        return {} if self.get(name) is None else _Section(self.get(name), f"{self._where}.{name}").content

    def list(self, name: str) -> list[Any]:
        """The list of this name; nothing when there is none."""
        value = self.get(name)
        if value is not None and not isinstance(value, list):
            raise EngineError(f"{self._where}.{name} must be a list, not {json.dumps(value)[:40]}")
        return value or []
