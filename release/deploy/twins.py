"""Module twins as a deployment looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from release.deploy.content import HUB, Sections, without_blanks


@dataclass(frozen=True, slots=True)
class ModuleTwin:
    """`desired` and `reported` without `$version` and `$metadata`; `version` is that of the desired section."""

    desired: dict[str, Any] = field(default_factory=dict, repr=False)
    version: int = 0
    reported: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, properties: Mapping[str, Mapping[str, Any]]) -> ModuleTwin:
        """From a twin's `properties`, as IoT Hub gives them."""
        desired, reported = properties.get("desired") or {}, properties.get("reported") or {}
        return cls(without_blanks(desired), int(desired.get("$version", 0)), without_blanks(reported))


Snapshot = Mapping[str, ModuleTwin]
"""The module twins of one device, `$edgeAgent` and `$edgeHub` included."""


def as_connected_in(snapshot: Snapshot, earlier: Snapshot) -> Snapshot:
    """The snapshot with the clients of edgeHub that `earlier` tells: those that a restored deployment is to have."""
    if HUB not in snapshot or HUB not in earlier:
        return snapshot
    hub, clients = snapshot[HUB], earlier[HUB].reported.get("clients")
    return {**snapshot, HUB: replace(hub, reported={**hub.reported, "clients": clients})}


def sections_of(snapshot: Snapshot) -> Sections:
    """The desired sections."""
    return {module: twin.desired for module, twin in snapshot.items()}
