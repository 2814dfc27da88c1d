"""When a machine is hot."""

from __future__ import annotations

from typing import Any


class Threshold:
    """`TemperatureThreshold` of the twin, degrees Celsius."""

    def __init__(self) -> None:
        self.degrees = 25.0

    def take(self, desired: dict[str, Any]) -> None:
        """Desired properties, whole or as a patch."""
        self.degrees = float(desired.get("TemperatureThreshold", self.degrees))

    def exceeded(self, reading: dict[str, Any]) -> bool:
        """Whether the machine of this reading is above it."""
        return bool(reading["machine"]["temperature"] > self.degrees)
