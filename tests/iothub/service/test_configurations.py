"""Automatic deployments: who gets which, layers, metrics, and the rules of their documents (spec E.8)."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from tests.hub.test_edge_hub import UPSTREAM, manifest
from tests.iothub.service.conftest import Caller

AGENT = ClientId("edge", "$edgeAgent")


def base(**modules: Any) -> dict[str, Any]:
    content = manifest({"up": UPSTREAM}, **modules)
    agent = content["modulesContent"]["$edgeAgent"]["properties.desired"]
    agent["systemModules"] = {"edgeAgent": {}, "edgeHub": {}}
    agent["modules"] = {name: {} for name in modules}
    return content


def layer(**keys: Any) -> dict[str, Any]:
    """`agent` and `hub`: keys of the system modules; others are modules."""
    named = {"agent": "$edgeAgent", "hub": "$edgeHub"}
    modules = {
        named.get(module, module): {f"properties.desired{path}": value for path, value in paths.items()}
        for module, paths in keys.items()
    }
    return {"modulesContent": modules}


async def create(
    call: Caller, name: str, content: Any, priority: int, condition: str = "deviceId = 'edge'", **rest: Any
) -> None:
    body = {"id": name, "content": content, "priority": priority, "targetCondition": condition, **rest}
    status, answer = await call("PUT", f"/configurations/{name}", body)
    assert status == 200, answer


async def states(call: Caller) -> dict[str, str]:
    _, twin = await call("GET", "/twins/edge/modules/%24edgeAgent")
    return {name: state["status"] for name, state in twin["configurations"].items()}


async def test_the_highest_base_wins_and_the_others_are_targeted(
    call: Caller, deployed: list[dict[str, Any]]
) -> None:
    await create(call, "low", base(camera={"n": 1}), 1)
    await create(call, "high", base(camera={"n": 2}), 5)
    await create(call, "a-younger", base(camera={"n": 3}), 5)
    await create(call, "elsewhere", base(camera={"n": 4}), 9, "deviceId = 'other'")
    await create(call, "nowhere", base(camera={"n": 5}), 9, "")
    assert [one["camera"]["properties.desired"]["n"] for one in deployed] == [1, 2, 3]
    assert await states(call) == {"low": "Targeted", "high": "Targeted", "a-younger": "Applied"}
    # The next one steps in.
    assert (await call("DELETE", "/configurations/a-younger", None, "*"))[0] == 204
    assert deployed[-1]["camera"]["properties.desired"]["n"] == 2
    # Without one left, what runs goes on.
    for name in ("low", "high"):
        assert (await call("DELETE", f"/configurations/{name}", None, "*"))[0] == 204
    assert len(deployed) == 4
    assert await states(call) == {}


async def test_layers_lie_on_the_base_by_their_priority(call: Caller, deployed: list[dict[str, Any]]) -> None:
    top = layer(
        agent={".modules.extra": {"image": "b"}},
        hub={".routes.more": "FROM /messages/modules/extra INTO $upstream"},
        extra={"": {"whole": 2}},
        camera={".layeredProperties": {"x": 1}},
    )
    low = layer(agent={".modules.extra": {"image": "a"}}, extra={"": {"whole": 1}})
    # Without a base no layer applies.
    await create(call, "top", top, 30)
    assert (deployed, await states(call)) == ([], {"top": "Targeted"})
    await create(call, "low", low, 20)
    await create(call, "too-low", layer(camera={".never": 1}), 10)
    await create(call, "base", base(camera={"n": 1}), 10)
    assert await states(call) == {
        "base": "Applied",
        "low": "Applied",
        "top": "Applied",
        "too-low": "Targeted",
    }
    [content] = deployed
    assert content["$edgeAgent"]["properties.desired"]["modules"] == {"camera": {}, "extra": {"image": "b"}}
    assert set(content["$edgeHub"]["properties.desired"]["routes"]) == {"up", "more"}
    assert content["extra"] == {"properties.desired": {"whole": 2}}
    assert content["camera"] == {"properties.desired": {"n": 1, "layeredProperties": {"x": 1}}}


async def test_a_tag_brings_a_deployment_and_nothing_is_deployed_twice(
    call: Caller, deployed: list[dict[str, Any]]
) -> None:
    await create(call, "hot", base(camera={}), 1, "tags.zone = 'hot'")
    assert deployed == []
    for tags in ({"zone": "hot"}, {"zone": "hot", "floor": 1}):
        assert (await call("PATCH", "/twins/edge", {"tags": tags}))[0] == 200
    assert len(deployed) == 1
    assert (await call("PUT", "/twins/edge", {"tags": {}}))[0] == 200
    assert await states(call) == {}


async def test_metrics_follow_what_the_agent_reports(call: Caller, hub: EdgeHub) -> None:
    modules = "SELECT moduleId FROM devices.modules WHERE moduleId = 'camera'"
    metrics = {"queries": {"cameras": modules}}
    await create(call, "one", base(camera={}), 1, metrics=metrics)

    async def results() -> list[int]:
        _, one = await call("GET", "/configurations/one")
        counts = one["systemMetrics"]["results"]
        assert one["metrics"] == {"results": {"cameras": 1}, "queries": {"cameras": modules}}
        return list(counts.values())

    assert await results() == [1, 1, 0, 0]
    version = hub.twin(AGENT)["desired"]["$version"]
    for code, expected in ((200, [1, 1, 1, 0]), (400, [1, 1, 0, 1])):
        await hub.report(AGENT, {"lastDesiredVersion": version, "lastDesiredStatus": {"code": code}})
        assert await results() == expected
    # Of another deployment the agent's word says nothing.
    await hub.report(AGENT, {"lastDesiredVersion": version - 1})
    assert await results() == [1, 1, 0, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"content": {}},
        {"content": {"deviceContent": {"properties.desired.x": 1}}},
        {"content": layer(agent={".systemModules.edgeHub": {}})},
        {"content": {"modulesContent": {"$edgeAgent": {"properties.desired": {"modules": {}}}}}},
        {"content": {"modulesContent": {"$edgeAgent": {"properties.desired": {"systemModules": {}}}}}},
        {"targetCondition": 'deviceId = "edge"'},
        {"priority": -1},
        {"priority": "1"},
        {"labels": []},
        {"metrics": {"queries": {"q": "SELECT"}}},
        {"id": "another"},
    ],
)
async def test_configurations_that_are_refused(call: Caller, wrong: dict[str, Any]) -> None:
    body = {"content": base(camera={}), "priority": 1, "targetCondition": "*", **wrong}
    assert (await call("PUT", "/configurations/one", body))[0] == 400
    assert (await call("GET", "/configurations"))[1] == []


async def test_etags_of_configurations(call: Caller) -> None:
    path = "/configurations/one"
    assert (await call("PUT", path, {}, "*"))[0] == 404
    await create(call, "one", base(camera={}), 1)
    _, made = await call("GET", path)
    assert (await call("PUT", path, made))[0] == 409
    assert (await call("PUT", path, {**made, "priority": 2}, made["etag"]))[0] == 200
    _, changed = await call("GET", path)
    assert (changed["priority"], changed["createdTimeUtc"]) == (2, made["createdTimeUtc"])
    assert (await call("PUT", path, made, made["etag"]))[0] == 412
    assert (await call("PUT", path, {**changed, "content": base()}, "*"))[0] == 400
    assert (await call("PUT", "/configurations/UPPER", made | {"id": "UPPER"}))[0] == 400
    assert (await call("DELETE", path, None, made["etag"]))[0] == 412
    assert (await call("DELETE", path, None, changed["etag"]))[0] == 204
    assert (await call("DELETE", path, None, "*"))[0] == 404


async def test_queries_over_twins(call: Caller) -> None:
    query = {"query": "SELECT moduleId FROM devices.modules WHERE moduleId != '$edgeHub'"}
    rows = (await call("POST", "/devices/query", query))[1]
    assert {row["moduleId"] for row in rows} == {"$edgeAgent", "camera", "classifier"}
    assert (await call("POST", "/devices/query", {"query": "SELECT"}))[0] == 400
    wrong = {"targetCondition": "x =", "customMetricQueries": {"a": "SELECT", "b": "SELECT * FROM devices"}}
    status, found = await call("POST", "/configurations/testQueries", wrong)
    assert (status, set(found["customMetricQueryErrors"])) == (200, {"a"})
    assert "column" in found["targetConditionError"] or "end" in found["targetConditionError"]


async def test_an_automatic_deployment_overwrites_what_is_applied_to_the_device_alone(
    call: Caller, deployed: list[dict[str, Any]]
) -> None:
    def numbers() -> list[int]:
        return [one["camera"]["properties.desired"]["n"] for one in deployed]

    async def apply(n: int) -> None:
        address = "/devices/edge/applyConfigurationContent"
        assert (await call("POST", address, base(camera={"n": n})))[0] == 204

    await apply(1)
    assert numbers() == [1]
    await create(call, "automatic", base(camera={"n": 2}), 1)
    await apply(3)
    assert numbers() == [1, 2, 3, 2]
    assert await states(call) == {"automatic": "Applied"}
    # One that does not target the device leaves it alone.
    await call("DELETE", "/configurations/automatic", None, "*")
    await create(call, "elsewhere", base(camera={"n": 4}), 1, "deviceId = 'other'")
    await apply(5)
    assert numbers() == [1, 2, 3, 2, 5]
