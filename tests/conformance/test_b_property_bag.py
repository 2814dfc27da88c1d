"""Names of system properties, on the wire and inside (B.3, B.4)."""

from __future__ import annotations

import pytest

from edge_runtime.heads.mqtt.property_bag import decode_bag, encode_bag
from edge_runtime.hub.message import ClientId, Message

IN = {
    "$.exp": "absolute-expiry-time", "$.cid": "cid", "$.mid": "messageId", "$.to": "to", "$.uid": "userId",
    "ack": "ack", "$.on": "outputName", "$.ct": "contentType", "$.ce": "contentEncoding",
    "$.schema": "messageSchema", "iothub-operation": "operation", "$.ctime": "creationTime",
    "$.ifid": "iothub-interface-id", "$.sub": "dt-subject",
}  # fmt: skip
OUT = {wire: inner for wire, inner in IN.items() if wire not in ("$.on", "$.ifid")}


@pytest.mark.parametrize(("wire", "inner"), IN.items())
def test_each_wire_name_has_its_inner_name(wire: str, inner: str) -> None:
    """B.3-5: in either spelling; the inner name on the wire is the application's."""
    for spelling in (wire, wire.replace("$", "%24")):
        assert decode_bag(f"{spelling}=1") == ({}, {inner: "1"}, [])
    if inner != wire:
        assert decode_bag(f"{inner}=1") == ({inner: "1"}, {}, [])


@pytest.mark.parametrize(("wire", "inner"), OUT.items())
def test_inner_names_go_out_under_their_wire_names(wire: str, inner: str) -> None:
    """B.4-2"""
    message = Message(ClientId("edge", "camera"), None, {}, {inner: "1"}, b"")
    assert encode_bag(message) == f"{wire.replace('$', '%24')}=1&%24.cdid=edge&%24.cmid=camera"
