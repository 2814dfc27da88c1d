"""`$edgeHub`'s own methods (spec D.4)."""

from __future__ import annotations

import json

import pytest

from edge_runtime.hub.message import ClientId
from edge_runtime.hub.methods import Methods
from edge_runtime.hub.system_methods import edge_hub_methods

HUB = ClientId("edge", "$edgeHub")


async def call(method: str, payload: bytes) -> tuple[int, object]:
    methods = Methods()
    methods.serve(HUB, edge_hub_methods)
    result = await methods.invoke(HUB, method, payload, response_timeout_s=5, connect_timeout_s=0)
    return result.status, json.loads(result.payload)


@pytest.mark.parametrize("name", ["RefreshDeviceScopeIdentityCache", "refreshdevicescopeidentitycache"])
@pytest.mark.parametrize("devices", [[], ["leaf"], ["leaf", "other"]])
async def test_identities_are_refreshed(name: str, devices: list[str]) -> None:
    assert await call(name, json.dumps({"deviceIds": devices}).encode()) == (200, None)


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"5", b"{}", b'{"deviceIds": "leaf"}', b'{"deviceIds": [1]}', b"{"]
)
async def test_what_names_no_devices_is_400(payload: bytes) -> None:
    status, _ = await call("RefreshDeviceScopeIdentityCache", payload)
    assert status == 400


@pytest.mark.parametrize("name", ["ping", "", "RefreshDeviceScope"])
async def test_another_method_is_404(name: str) -> None:
    status, answer = await call(name, b"null")
    assert status == 404
    assert "RefreshDeviceScopeIdentityCache" in str(answer)
