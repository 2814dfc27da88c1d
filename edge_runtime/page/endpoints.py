"""Where the runtime answers, as `STATE/endpoints.json` tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`metrics`: name of a module, `edgeHub` or `edgeAgent` -> HOST:PORT."""

    device: str
    observer_url: str
    observer_token: str = field(repr=False)
    control: Path
    metrics: Mapping[str, str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Endpoints:
        """From the document of docs/runtime-interfaces.md. Raises KeyError."""
        return cls(
            device=document["device"],
            observer_url=document["observer"]["url"],
            observer_token=document["observer"]["token"],
            control=Path(document["control"]),
            metrics=dict(document["metrics"]),
        )
