"""Configurations of IoT Hub for edge devices (spec E.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from release.deploy.content import is_layer


@dataclass(frozen=True, slots=True)
class Automatic:
    """A configuration of IoT Hub: an automatic deployment, a layer, or one that applies to nothing."""

    name: str
    content: Mapping[str, Any] = field(repr=False)
    condition: str
    priority: int
    labels: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    etag: str | None = None

    @property
    def is_layer(self) -> bool:
        """Whether it needs a base deployment below it."""
        return is_layer(self.content)

    @property
    def rank(self) -> tuple[int, str]:
        """The higher one wins: by priority, then the younger."""
        return self.priority, self.created
