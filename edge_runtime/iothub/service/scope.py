"""Which registered devices may connect through the device that runs here (spec A.5, E.3). Pure.

As with IoT Hub an edge device has a scope, and a device whose `deviceScope` is that one is its child: edgeHub lets in
its children alone. So does this hub; a device that was registered without scope exists, and is refused.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

_PREFIX = "ms-azure-iot-edge://"


def scope_of(device: str, generation_id: str) -> str:
    """The scope that an edge device is given with its identity."""
    return f"{_PREFIX}{device}-{generation_id}"


def parent_of(scope: str | None) -> str | None:
    """The edge device that a scope names; None for what is no scope.

    The number behind the name is not compared: it changes when the device's store is begun anew.
    """
    if not scope or not scope.startswith(_PREFIX):
        return None
    name, dash, _ = scope.removeprefix(_PREFIX).rpartition("-")
    return name if dash else None


def reason_barred(identity: Mapping[str, Any], edge: str) -> str | None:
    """Why this device may not connect through `edge`, in one word; None when it may."""
    if identity["status"] == "disabled":
        return "disabled_identity"
    if identity["capabilities"]["iotEdge"]:
        return "edge_device"
    if (parent_of(identity.get("deviceScope")) or "").casefold() != edge.casefold():
        return "not_a_child"
    if identity["authentication"]["type"] != "sas" and not _thumbprints(identity):
        return "no_shared_key"
    return None


def _thumbprints(identity: Mapping[str, Any]) -> list[str]:
    """Of the certificates of a device that signs them itself (type selfSigned)."""
    authentication = identity["authentication"]
    if authentication["type"] != "selfSigned":
        return []
    return [one for one in (authentication.get("x509Thumbprint") or {}).values() if one]


def hub_entry(identity: Mapping[str, Any], edge: str) -> dict[str, Any]:
    """What the hub process is told of a device: keys, and why it may not connect if so."""
    keys = identity["authentication"].get("symmetricKey") or {}
    entry: dict[str, Any] = {
        # Without keys of its own it is barred; nobody learns these.
        name: keys.get(name) or base64.b64encode(secrets.token_bytes(32)).decode()
        for name in ("primaryKey", "secondaryKey")
    }
    if shown := _thumbprints(identity):
        entry["thumbprints"] = shown
    reason = reason_barred(identity, edge)
    return entry if reason is None else {**entry, "barred": reason}
