"""Whose port it is that a device cannot have, and which address it could have instead."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

from edge_runtime.supervisor.running_devices import running_devices

MQTT_PORT = 8883
_TRIED = 50


def explained(address: str, said: str) -> str:
    """What to tell of a taken port: who has it when that is a device of ours, else what the hub `said`."""
    holder = next((device for device in running_devices() if device.address == address and device.hub), None)
    if holder is None:
        return said
    free = free_address(address)
    mend = f"give this one an address of its own: --address {free}" if free else "stop that one"
    return f"{address}:{MQTT_PORT} belongs to {holder.summary}; {mend}"


def free_address(taken: str) -> str | None:
    """The next loopback address whose MQTT port nobody has."""
    for step in range(1, _TRIED):
        candidate = IPv4Address(taken) + step
        if not candidate.is_loopback:
            return None
        try:
            with socket.create_server((str(candidate), MQTT_PORT)):
                return str(candidate)
        except OSError:
            continue
    return None
