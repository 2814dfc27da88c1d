"""Module twins as a deployment looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.deploy.content import Sections, without_blanks


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


def sections_of(snapshot: Snapshot) -> Sections:
    """The desired sections."""
    return {module: twin.desired for module, twin in snapshot.items()}
