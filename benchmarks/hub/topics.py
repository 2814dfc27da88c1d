"""Names that every broker of a run shares, so that the same clients work with all of them."""

from __future__ import annotations

DEVICE, SENDER, RECEIVER, INPUT = "edge", "sender", "receiver", "in"
IOTHUB = "local.azure-devices.net"
EVENTS = f"devices/{DEVICE}/modules/{SENDER}/messages/events/"
"""Where the sender publishes; what follows is the message's property bag."""
INPUTS = f"devices/{DEVICE}/modules/{RECEIVER}/inputs/{INPUT}/"
"""Where a broker that forwards (by route, by bridge) puts the message for the receiver."""
PORT = 8883
"""The SDK knows no other."""
