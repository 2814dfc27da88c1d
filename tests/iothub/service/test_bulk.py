"""Many identities in one call (spec E.2)."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from tests.iothub.service.conftest import Caller


def lamps(mode: str, *names: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": name, "importMode": mode, **fields} for name in names]


def failed(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["deviceId"], one["errorCode"]) for one in result["errors"]]


async def test_each_entry_is_taken_or_refused_by_itself(call: Caller, hub: EdgeHub) -> None:
    body = lamps("create", "a", "b", "b", tags={"room": 1}, properties={"desired": {"on": True}})
    status, result = await call("POST", "/devices", body)
    assert (status, result["isSuccessful"]) == (400, False)
    assert failed(result) == [("b", "DeviceDefinedMultipleTimes")] * 2
    _, twin = await call("GET", "/twins/a")
    assert (twin["tags"], twin["properties"]["desired"]["on"]) == ({"room": 1}, True)
    assert hub.twin(ClientId("a"))["desired"]["on"] is True
    assert (await call("GET", "/devices/b"))[0] == 404
    status, result = await call("POST", "/devices", lamps("create", "a", "c"))
    assert (status, failed(result)) == (400, [("a", "DeviceAlreadyExists")])
    status, result = await call("POST", "/devices", lamps("update", "a", "c", status="disabled"))
    assert (status, result) == (200, {"isSuccessful": True, "errors": [], "warnings": []})
    assert (await call("GET", "/statistics/devices"))[1]["disabledDeviceCount"] == 2


async def test_etags_are_compared_when_the_mode_says_so(call: Caller) -> None:
    await call("POST", "/devices", lamps("create", "a"))
    _, device = await call("GET", "/devices/a")
    _, twin = await call("GET", "/twins/a")
    for mode, name in (
        ("updateIfMatchETag", "eTag"),
        ("deleteIfMatchETag", "eTag"),
        ("updateTwinIfMatchETag", "twinETag"),
    ):
        body = lamps(mode, "a", **{name: "stale"}, tags={"x": 1})
        assert failed((await call("POST", "/devices", body))[1]) == [("a", "PreconditionFailed")]
        assert failed((await call("POST", "/devices", lamps(mode, "a")))[1]) == [("a", "ArgumentInvalid")]
    body = lamps("updateTwinIfMatchETag", "a", twinETag=twin["etag"], tags={"x": 1})
    assert (await call("POST", "/devices", body))[0] == 200
    assert (await call("GET", "/twins/a"))[1]["tags"] == {"x": 1}
    body = lamps("deleteIfMatchETag", "a", eTag=f'"{device["etag"]}"')
    assert (await call("POST", "/devices", body))[0] == 200
    assert (await call("GET", "/devices/a"))[0] == 404


async def test_modules_too(call: Caller, hub: EdgeHub) -> None:
    body = [{"id": "edge", "moduleId": "probe", "importMode": "create"}]
    assert (await call("POST", "/devices", body))[0] == 200
    assert hub.identities.get(ClientId("edge", "probe")) is not None
    body = [{"id": "edge", "moduleId": "camera", "importMode": "delete"}, *lamps("delete", "edge")]
    _, result = await call("POST", "/devices", body)
    assert [(one["moduleId"], one["errorCode"]) for one in result["errors"]] == [
        ("camera", "ArgumentInvalid"),
        (None, "ArgumentInvalid"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        lamps("create", *map(str, range(101))),
        ["lamp"],
        [{"moduleId": "m"}],
        [{"id": "a", "moduleId": 7}],
    ],
)
async def test_a_list_that_is_wrong_changes_nothing(call: Caller, body: Any) -> None:
    status, answer = await call("POST", "/devices", body)
    assert status == 400
    assert "ArgumentInvalid" in answer["Message"]
    assert [one["deviceId"] for one in (await call("GET", "/devices"))[1]] == ["edge"]


async def test_an_unknown_mode_names_those_that_there_are(call: Caller) -> None:
    _, result = await call("POST", "/devices", lamps("import", "a"))
    assert failed(result) == [("a", "ArgumentInvalid")]
    assert "updateTwin" in result["errors"][0]["errorStatus"]
