"""What a device that runs on this machine says of itself: `STATE/endpoints.json` (docs/runtime-interfaces.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


class EndpointsError(Exception):
    """There is no such file, or it says something else."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`connection_string`: of the local IoT Hub; None while, or where, there is none."""

    file: Path
    device: str
    connection_string: str | None = field(repr=False)
    ca_file: Path


def read_endpoints(state: Path) -> Endpoints:
    """Of the device with this state folder. Raises EndpointsError."""
    file = state / "endpoints.json"
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        iothub = document["iothub"]
        text, ca_file = iothub["connectionString"], Path(iothub["caFile"])
        return Endpoints(file, str(document["device"]), None if text is None else str(text), ca_file)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EndpointsError(f"{file}: {error}") from None
