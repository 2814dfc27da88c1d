"""A received telemetry message: from topic and payload to the hub, or dropped with a reason (spec B.3, B.5)."""

from __future__ import annotations

from collections.abc import Callable

from edge_runtime.heads.mqtt.encoder import MAX_TEXT_BYTES
from edge_runtime.heads.mqtt.packets import Publish
from edge_runtime.heads.mqtt.property_bag import PropertyBagError, bag_size, decode_bag
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import Hub

# Body, names and values; greater messages are acknowledged and dropped, for the client would send them for ever.
MAX_MESSAGE_BYTES = 262_144


def publish(hub: Hub, client: ClientId, packet: Publish, bag: str, settled: Callable[[], None]) -> None:
    """`settled` is called when the message is stored in every queue, or dropped: then PUBACK may follow."""
    try:
        app, sys, refused = decode_bag(bag)
    except PropertyBagError as error:
        hub.drop(client, "bad_properties", str(error))
        settled()
        return
    size = len(packet.payload)
    if size > MAX_MESSAGE_BYTES - MAX_TEXT_BYTES:
        size += bag_size(app, sys)
        if size > MAX_MESSAGE_BYTES:
            hub.drop(
                client, "too_large", f"a message of {size} bytes; at most {MAX_MESSAGE_BYTES} are allowed"
            )
            settled()
            return
    for name in refused:
        hub.drop(client, "refused_property", f"property {name!r} is reserved, or was given twice")
    if packet.retain:
        app["mqtt-retain"] = "true"
    if packet.dup:
        app["mqtt-dup"] = "true"
    hub.publish(client, sys.get("outputName"), app, sys, packet.payload, settled)
