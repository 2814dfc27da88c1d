"""Ports of the device that containers publish."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge_runtime.manifest import rules
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.modules import ModuleSpec
from edge_runtime.manifest.problem import Problem

_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class _Binding:
    module: str
    group: str
    address: str
    ports: range
    written: str
    protocol: str

    def meets(self, other: _Binding) -> bool:
        same_address = self.address == other.address or {self.address, other.address} & _EVERY_ADDRESS
        overlap = self.ports.start < other.ports.stop and other.ports.start < self.ports.stop
        return bool(same_address) and overlap and self.protocol == other.protocol


def check_ports(manifest: Manifest) -> Iterator[Problem]:
    """Findings where a module publishes a port that a module before it publishes."""
    bindings = [
        binding
        for group, specs in (("systemModules", manifest.system_modules), ("modules", manifest.modules))
        for spec in specs
        if spec.status == "running"
        for binding in _bindings(spec, group)
    ]
    for place, binding in enumerate(bindings):
        for earlier in bindings[:place]:
            if earlier.module != binding.module and earlier.meets(binding):
                port = f"{binding.written}/{binding.protocol}"
                what = f"{earlier.module} and {binding.module} both publish port {port} of the device"
                yield manifest.file.problem(rules.PORT_CONFLICT, _offset(manifest, binding), what)
                break


def _bindings(spec: ModuleSpec, group: str) -> Iterator[_Binding]:
    host = spec.create_options.get("HostConfig")
    ports = host.get("PortBindings") if isinstance(host, dict) else None
    for inside, targets in (ports if isinstance(ports, dict) else {}).items():
        for target in targets if isinstance(targets, list) else ():
            yield from _binding(spec.name, group, str(inside), target)


def _binding(module: str, group: str, inside: str, target: Any) -> Iterator[_Binding]:
    written = str(target.get("HostPort") or "") if isinstance(target, dict) else ""
    match = _RANGE.fullmatch(written)
    if match and int(match[1]):  # without a port, or with 0, the engine chooses a free one
        ports = range(int(match[1]), int(match[2] or match[1]) + 1)
        protocol = inside.partition("/")[2] or "tcp"
        yield _Binding(module, group, str(target.get("HostIp") or ""), ports, written, protocol)


def _offset(manifest: Manifest, binding: _Binding) -> int:
    """Where the port is written; in the cut text of a generated manifest at least where createOptions begin."""
    settings = manifest.agent(binding.group, binding.module, "settings")
    options = settings.get("createOptions") or next(iter(settings.values()))
    pattern = re.compile(rf'\\?"HostPort\\?"\s*:\s*\\?"?{re.escape(binding.written)}\b')
    match = pattern.search(manifest.file.expansion.text, options.start, options.end)
    return match.start() if match else options.start
