"""Where the hub process listens, as it tells when it is ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class HubListeners:
    """Addresses for endpoints.json; None where nothing listens, and then a warning says what does not work."""

    observer: str = ""
    https: str | None = None
    metrics: str | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def told(cls, ready: Mapping[str, Any], *, also: Iterable[str] = ()) -> HubListeners:
        """From the document that follows the word `ready`; `also`: the supervisor's own warnings."""
        https, metrics = ready.get("https"), ready.get("metrics")
        return cls(
            observer=str(ready.get("observer", "")),
            https=None if https is None else str(https),
            metrics=None if metrics is None else str(metrics),
            warnings=(*map(str, ready.get("warnings", ())), *also),
        )

    @property
    def observer_port(self) -> int | None:
        return _port(self.observer)

    @property
    def metrics_port(self) -> int | None:
        return None if self.metrics is None else _port(self.metrics)


def _port(address: str) -> int | None:
    port = address.rpartition(":")[2].strip("/")
    return int(port) if port.isdecimal() else None
