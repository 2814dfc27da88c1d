"""Whose containers and networks these are: the labels by which a runtime finds its own, and never another's. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

STATE_LABEL = "edge-runtime.state"
DEVICE_LABEL = "edge-runtime.device"
MODULE_LABEL = "edge-runtime.module"
_LONGEST_LABEL = 40


@dataclass(frozen=True, slots=True)
class Network:
    """The device's network; `gateway` is the machine's own address in it, IPv4, in `subnet` (CIDR)."""

    name: str
    gateway: str
    subnet: str


@dataclass(frozen=True, slots=True)
class Owner:
    """One runtime. Its state folder tells it from all others, since one device's name may be used twice."""

    device: str
    state: Path

    @property
    def name(self) -> str:
        """Name of the network, and how the names of all its containers begin."""
        return f"edge-runtime-{host_label(self.device)}-{self._digest}"

    @property
    def interface(self) -> str:
        """Name of the network's bridge on this machine, at most 15 characters: what a firewall's rule names."""
        return f"edge-{self._digest}"

    @property
    def gateway_hostname(self) -> str:
        """What the modules call the device; `.internal` is no name of the public DNS."""
        return f"{host_label(self.device)}.edge.internal"

    def container(self, module: str) -> str:
        """Name of a module's container."""
        return f"{self.name}-{module}"

    def labels(self, module: str | None = None) -> dict[str, str]:
        """On everything that the runtime makes."""
        common = {STATE_LABEL: str(self.state), DEVICE_LABEL: self.device}
        return common if module is None else {**common, MODULE_LABEL: module}

    @property
    def filters(self) -> dict[str, list[str]]:
        """What the engine's API lists by."""
        return {"label": [f"{STATE_LABEL}={self.state}"]}

    @property
    def _digest(self) -> str:
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:8]


def host_label(device: str) -> str:
    """A device's id as one label of a host name: lower case, with hyphens for what a label cannot hold."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower())[:_LONGEST_LABEL].strip("-") or "device"
