"""Which device is tested, and how it is reached. Secrets come from the environment alone, never from arguments."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from release.endpoints import EndpointsError, read_endpoints
from release.smoke.errors import NotPossibleError
from release.smoke.readers import EDGE, EventHubReader, LocalReader, Reader

IOTHUB, EVENTHUB = "IOTHUB_CONNECTION_STRING", "EVENTHUB_CONNECTION_STRING"


@dataclass(frozen=True, slots=True)
class Target:
    """One device. `state`: of a local runtime; without it, it is Azure's."""

    device: str
    connection_string: str = field(repr=False)
    ca_file: Path | None = None
    state: Path | None = None
    eventhub: str = field(default="", repr=False)
    consumer_group: str = "$Default"

    def reader(self) -> Reader:
        """Raises NotPossibleError."""
        if self.state is not None:
            return LocalReader(self.state)
        return EventHubReader(self.eventhub, self.consumer_group)


def local_target(state: Path) -> Target:
    """A device that `scripts/edge run` runs on this machine, with either engine. Raises NotPossibleError."""
    try:
        found = read_endpoints(state)
    except EndpointsError as error:
        raise NotPossibleError(
            f"no device runs with the state folder {state} ({error}); "
            "start one: scripts/edge run deployment.template.json"
        ) from None
    if found.connection_string is None:
        raise NotPossibleError(f"the device in {state} has no IoT Hub: see the warnings in {found.file}")
    return Target(found.device, found.connection_string, found.ca_file, state)


def running_target(device: str | None) -> Target:
    """The local device of that name, or the only one that runs. Raises NotPossibleError."""
    command = [str(EDGE), "running", "--json"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    running = [json.loads(line) for line in listed.stdout.splitlines()]
    found = [entry for entry in running if device in (None, entry["device"])]
    if len(found) == 1:
        return local_target(Path(found[0]["state"]))
    names = ", ".join(sorted(entry["device"] for entry in running))
    raise NotPossibleError(
        f"which device? Here run: {names or 'none'}. Name one with --state DIR or --device NAME, start one with "
        f"scripts/edge run deployment.template.json, or set {IOTHUB} and {EVENTHUB} for one of Azure's"
    )


def azure_target(environment: Mapping[str, str], device: str | None, consumer_group: str) -> Target:
    """A device of the IoT Hub that the environment names. Raises NotPossibleError."""
    if not device:
        raise NotPossibleError(f"{IOTHUB} is set, so --device NAME must say which of its devices is tested")
    if not environment.get(EVENTHUB):
        raise NotPossibleError(
            f"{EVENTHUB} is not set: what arrives at IoT Hub is read from its Event-Hub-compatible endpoint "
            "(az iot hub connection-string show --hub-name HUB --default-eventhub); "
            "a device of this machine is named with --state"
        )
    return Target(device, environment[IOTHUB], eventhub=environment[EVENTHUB], consumer_group=consumer_group)
