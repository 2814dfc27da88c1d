"""What a module's process finds in its environment (spec A.3)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.agent.engine import Identity
from edge_runtime.agent.inherited import inherited

API_VERSION = "2022-08-03"
FIRST_METRICS_PORT = 9610


@dataclass(frozen=True, slots=True)
class Device:
    """What all modules of a device have in common."""

    name: str
    iothub_hostname: str
    address: str


class MetricsPorts:
    """9610, 9611... in the order of the modules' names; a module keeps its port as others come and go."""

    def __init__(self) -> None:
        self._ports: dict[str, int] = {}

    def assign(self, names: Iterable[str]) -> Mapping[str, int]:
        """The ports of exactly these modules."""
        wanted = sorted(names)
        self._ports = {name: port for name, port in self._ports.items() if name in wanted}
        for name in wanted:
            if name not in self._ports:
                taken = set(self._ports.values())
                self._ports[name] = next(
                    port for port in range(FIRST_METRICS_PORT, 65536) if port not in taken
                )
        return dict(self._ports)

    def __getitem__(self, name: str) -> int:
        return self._ports[name]


def edge_variables(device: Device, module: str, identity: Identity) -> dict[str, str]:
    """What edgeAgent injects."""
    return {
        "IOTEDGE_WORKLOADURI": identity.workload_uri,
        "IOTEDGE_AUTHSCHEME": "sasToken",
        "IOTEDGE_MODULEGENERATIONID": identity.generation_id,
        "IOTEDGE_IOTHUBHOSTNAME": device.iothub_hostname,
        "IOTEDGE_GATEWAYHOSTNAME": device.address,
        "IOTEDGE_DEVICEID": device.name,
        "IOTEDGE_MODULEID": module,
        "IOTEDGE_APIVERSION": API_VERSION,
        "UpstreamProtocol": "Mqtt",
    }


def module_environment(
    device: Device,
    module: str,
    identity: Identity,
    *,
    image: Mapping[str, str],
    user: Mapping[str, str],
    metrics_port: int,
    programs: Path | None = None,
) -> dict[str, str]:
    """The image's ENV, over it the manifest's `env`, over both what edgeAgent sets.

    `programs`: a folder that leads PATH, where the module's own `python3` is.

    PATH is the machine's: the image's names folders that are not here. The metrics port is the runtime's
    to give, since processes share one address where containers have one each.
    """
    return {
        "RuntimeLogLevel": "info",
        **inherited(),
        **({"PATH": f"{programs}{os.pathsep}{inherited()['PATH']}"} if programs else {}),
        **{name: value for name, value in {**image, **user}.items() if name != "PATH"},
        **edge_variables(device, module, identity),
        "METRICS_PORT": str(metrics_port),
        "METRICS_ADDRESS": device.address,
    }
