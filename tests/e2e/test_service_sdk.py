"""The unmodified service SDK against the local IoT Hub of a device that runs (spec E, G.28)."""

from __future__ import annotations

import base64
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device, alive
from tests.e2e.service_sdk import PYTHON, SETUP, ServiceSdk, model, service_sdk
from tests.patience import wait_for

MODULE = f"{sys.executable} {Path(__file__).with_name('service_module.py')}"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason=f"the service SDK is not there ({SETUP})")


def manifest(**modules: dict[str, Any]) -> dict[str, Any]:
    """A deployment of these modules, each with its desired properties."""
    return {
        "$edgeAgent": {
            "properties.desired": {
                "schemaVersion": "1.1",
                "runtime": {"type": "docker", "settings": {}},
                "systemModules": {
                    "edgeAgent": {"type": "docker", "settings": {"image": "agent:1"}},
                    "edgeHub": {
                        "type": "docker",
                        "status": "running",
                        "restartPolicy": "always",
                        "settings": {"image": "hub:1"},
                    },
                },
                "modules": {name: entry() for name in modules},
            }
        },
        "$edgeHub": {
            "properties.desired": {
                "schemaVersion": "1.1",
                "routes": {"up": "FROM /messages/* INTO $upstream"},
                "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
            }
        },
        **{name: {"properties.desired": desired} for name, desired in modules.items()},
    }


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "type": "docker",
        "version": "1",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": "echo:1", "createOptions": "{}"},
        **changes,
    }


def start(device: StartDevice, **modules: dict[str, Any]) -> Device:
    """A device whose modules run service_module.py."""
    return device({"modulesContent": manifest(**modules)}, *commands(*modules)).up()


def commands(*modules: str) -> list[str]:
    return [argument for name in modules for argument in ("--module", f"{name}={MODULE}")]


def ready(sdk: ServiceSdk, module: str) -> None:
    """Wait until the module listens."""

    def reported() -> bool:
        properties = sdk.registry("get_module_twin", "edge", module)["properties"]
        return bool(properties["reported"].get("ready"))

    wait_for(reported, f"{module} is ready")


def test_who_may_call(device: StartDevice) -> None:
    running = start(device)
    assert running.endpoints is not None
    text = running.endpoints["iothub"]["connectionString"]
    with service_sdk(running) as sdk:
        assert sdk.registry("get_twin", "edge")["deviceId"] == "edge"
        assert sdk.refused("get_twin", "nobody").status == 404
    wrong = base64.b64encode(bytes(32)).decode()
    with service_sdk(running, f"{text.partition('SharedAccessKey=')[0]}SharedAccessKey={wrong}") as sdk:
        assert sdk.refused("get_twin", "edge").status == 401
        assert sdk.refused("get_twin", "nobody").status == 401
    # The key is this user's alone, and in no log.
    assert stat.S_IMODE((running.state / "iothub.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((running.state / "iothub.db").stat().st_mode) == 0o600
    key = text.partition("SharedAccessKey=")[2]
    assert key not in running.said() + running.log("edgeHub")


def test_what_was_copied_stays_good(device: StartDevice) -> None:
    first = start(device)
    assert first.endpoints is not None
    text = first.endpoints["iothub"]["connectionString"]
    assert first.stop() == 0
    second = start(device)
    with service_sdk(second, text) as sdk:
        assert sdk.registry("get_device", "edge")["capabilities"] == {"iotEdge": True}


def test_twins_of_a_module_that_listens(device: StartDevice) -> None:
    running = start(device, echo={"fps": 5, "zone": {"x": 1, "y": 2}})
    with service_sdk(running) as sdk:
        ready(sdk, "echo")
        twin = sdk.registry("get_module_twin", "edge", "echo")
        assert twin["properties"]["desired"] == {"fps": 5, "zone": {"x": 1, "y": 2}, "$version": 2}

        def update(call: str, etag: str | None = None, **fields: Any) -> Any:
            properties = model("TwinProperties", desired=fields.pop("desired", None))
            twin = model("Twin", properties=properties, **fields)
            return sdk.registry(call, "edge", "echo", twin, etag)

        # A patch merges, null deletes, and the module is told what changed alone.
        tags = {"line": "7"}
        patched = update("update_module_twin", desired={"fps": 7, "zone": {"x": None}}, tags=tags)
        assert patched["properties"]["desired"] == {"fps": 7, "zone": {"y": 2}, "$version": 3}
        assert patched["tags"] == tags
        assert patched["version"] > twin["version"]

        def told() -> Any:
            text = sdk.registry("get_module_twin", "edge", "echo")["properties"]["reported"].get("told")
            return json.loads(text or "{}")

        wait_for(
            lambda: told() == {"fps": 7, "zone": {"x": None}, "$version": 3}, "what changed, at the module"
        )
        # The ETag of before is refused, that of now is good, and nothing came of the refused one.
        with pytest.raises(AssertionError, match="412"):
            update("update_module_twin", twin["etag"], desired={"fps": 8})
        assert update("update_module_twin", patched["etag"], desired={"fps": 9})["tags"] == tags
        # Replacing empties what it does not name.
        replaced = update("replace_module_twin", desired={"only": 1})
        assert replaced["properties"]["desired"] == {"only": 1, "$version": 5}
        assert "tags" not in replaced or replaced["tags"] == {}
        wait_for(
            lambda: told() == {"only": 1, "fps": None, "zone": None, "$version": 5},
            "the replaced section, at the module",
        )
        # The command line sees the same twin.
        assert running.twin("echo", "desired") == {"only": 1, "$version": 5}
        with pytest.raises(AssertionError, match="400"):
            update("update_module_twin", desired={"a.b": 1})


def test_the_device_s_own_twin(device: StartDevice) -> None:
    with service_sdk(start(device)) as sdk:
        properties = model("TwinProperties", desired={"site": "north"})
        twin = model("Twin", tags={"floor": 3}, properties=properties)
        assert sdk.registry("update_twin", "edge", twin)["properties"]["desired"]["site"] == "north"
        assert sdk.registry("get_twin", "edge")["tags"] == {"floor": 3}


def test_methods(device: StartDevice) -> None:
    with service_sdk(start(device, echo={})) as sdk:
        ready(sdk, "echo")

        def call(name: str, payload: Any = None, module: str = "echo") -> Any:
            method = model(
                "CloudToDeviceMethod", method_name=name, payload=payload, response_timeout_in_seconds=5
            )
            return sdk.registry("invoke_device_module_method", "edge", module, method)

        assert call("echo", {"a": [1, None]}) == {"status": 200, "payload": {"a": [1, None]}}
        # The callee's own status is inside a 200.
        assert call("teapot", "short")["status"] == 418
        with pytest.raises(AssertionError, match="504"):
            call("silence")
        with pytest.raises(AssertionError, match=r"404.*ModuleNotFound"):
            call("echo", module="nobody")


def test_a_module_that_a_caller_made(device: StartDevice) -> None:
    running = start(device, echo={})
    with service_sdk(running) as sdk:
        made = sdk.registry("create_module_with_sas", "edge", "probe", "me", "", "")
        keys = made["authentication"]["symmetricKey"]
        assert {len(base64.b64decode(key)) for key in keys.values()} == {32}
        assert made["managedBy"] == "me"
        with pytest.raises(AssertionError, match="409"):
            sdk.registry("create_module_with_sas", "edge", "probe", "me", "", "")
        names = {module["moduleId"] for module in sdk.registry("get_modules", "edge")}
        assert names == {"$edgeAgent", "$edgeHub", "echo", "probe"}
        own = base64.b64encode(b"k" * 32).decode()
        changed = sdk.registry("update_module_with_sas", "edge", "probe", "me", None, own, "")
        assert changed["authentication"]["symmetricKey"] == {**keys, "primaryKey": own}
        # Those of the deployment are managed by IoT Edge, and stay.
        assert sdk.registry("get_module", "edge", "echo")["managedBy"] == "IotEdge"
        assert sdk.refused("delete_module", "edge", "echo").status == 400
        assert sdk.registry("delete_module", "edge", "probe") is None
        assert sdk.refused("get_module", "edge", "probe").status == 404


def test_devices(device: StartDevice) -> None:
    with service_sdk(start(device)) as sdk:
        made = sdk.registry("create_device_with_sas", "my-lamp", "", "", "enabled")
        assert made["connectionState"] == "Disconnected"
        assert sdk.refused("create_device_with_sas", "my-lamp", "", "", "enabled").status == 409
        changed = sdk.registry("update_device_with_sas", "my-lamp", made["etag"], "", "", "disabled")
        assert changed["status"] == "disabled"
        assert changed["authentication"] == made["authentication"]
        assert sdk.refused("update_device_with_sas", "my-lamp", made["etag"], "", "", "enabled").status == 412
        assert [one["deviceId"] for one in sdk.registry("get_devices")] == ["edge", "my-lamp"]
        counts = sdk.registry("get_device_registry_statistics")
        assert counts == {"totalDeviceCount": 2, "enabledDeviceCount": 1, "disabledDeviceCount": 1}
        twin = model("Twin", tags={"room": "a"})
        assert sdk.registry("update_twin", "my-lamp", twin)["tags"] == {"room": "a"}
        method = model("CloudToDeviceMethod", method_name="on")
        refusal = sdk.refused("invoke_device_method", "my-lamp", method)
        assert (refusal.status, "DeviceNotOnline" in refusal.body) == (404, True)
        assert sdk.registry("delete_device", "my-lamp") is None
        assert sdk.refused("get_device", "my-lamp").status == 404
        assert sdk.refused("delete_device", "edge").status == 400


def test_devices_in_bulk(device: StartDevice) -> None:
    """E.2-10"""
    with service_sdk(start(device)) as sdk:

        def entry(name: str, mode: str, **fields: Any) -> dict[str, Any]:
            return model("ExportImportDevice", id=name, import_mode=mode, **fields)

        names = [f"lamp{number}" for number in range(3)]
        made = sdk.registry(
            "bulk_create_or_update_devices", [entry(one, "create", status="enabled") for one in names]
        )
        assert made == {"isSuccessful": True, "errors": [], "warnings": []}
        assert [one["deviceId"] for one in sdk.registry("get_devices")] == ["edge", *names]
        mixed = [
            entry("lamp0", "update", status="disabled"),
            entry("lamp1", "delete"),
            entry("new", "update"),
        ]
        result = sdk.registry("bulk_create_or_update_devices", mixed)
        assert result["isSuccessful"] is False
        assert [(one["deviceId"], one["errorCode"]) for one in result["errors"]] == [
            ("new", "DeviceNotFound")
        ]
        assert sdk.registry("get_device", "lamp0")["status"] == "disabled"
        assert sdk.refused("get_device", "lamp1").status == 404


def apply(sdk: ServiceSdk, content: dict[str, Any]) -> None:
    configuration = model("ConfigurationContent", modules_content=content)
    assert sdk.configuration("apply_configuration_on_edge_device", "edge", configuration) is None


def test_a_deployment_to_the_device(device: StartDevice) -> None:
    running = start(device, echo={"a": 1}, second={"b": 1})
    with service_sdk(running) as sdk:
        ready(sdk, "echo")
        first = running.module("echo")
        apply(sdk, manifest(second={"b": 2}))
        assert running.twin("second", "desired")["b"] == 2
        wait_for(lambda: not alive(first), "the module that left the deployment has ended")
        assert {one["moduleId"] for one in sdk.registry("get_modules", "edge")} == {
            *("$edgeAgent", "$edgeHub", "second")
        }

        def version() -> bool:
            twin = sdk.registry("get_module_twin", "edge", "$edgeAgent")["properties"]
            agreed: bool = twin["reported"]["lastDesiredVersion"] == twin["desired"]["$version"]
            return agreed and twin["reported"]["lastDesiredStatus"]["code"] == 200

        wait_for(version, "the agent reports the deployment")
        apply(sdk, manifest(echo={}, second={"b": 2}))
        running.module("echo", other_than=first["pid"])
        # A patch since then is undone by the same deployment, as by IoT Hub.
        properties = model("TwinProperties", desired={"b": 3})
        sdk.registry("update_module_twin", "edge", "second", model("Twin", properties=properties))
        apply(sdk, manifest(echo={}, second={"b": 2}))
        assert running.twin("second", "desired")["b"] == 2
        # A path changes what stands there, and the routes of the hub with it.
        route = {
            "$edgeHub": {"properties.desired.routes.more": "FROM /messages/modules/second INTO $upstream"}
        }
        apply(sdk, route)
        assert {one["name"] for one in running.snapshot()["routes"]} == {"up", "more"}
        broken = {"$edgeHub": {"properties.desired.routes.bad": "FROM nowhere"}}
        with pytest.raises(AssertionError, match="400"):
            apply(sdk, broken)
        with pytest.raises(AssertionError, match="400"):
            apply(sdk, {"$edgeAgent": {"properties.desired.modules.third": {"type": "docker"}}})
        assert {one["name"] for one in running.snapshot()["routes"]} == {"up", "more"}
        with pytest.raises(AssertionError, match="modulesContent"):
            sdk.configuration("apply_configuration_on_edge_device", "edge", model("ConfigurationContent"))


def automatic(name: str, priority: int, content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A configuration for devices with the tag `line` = 7."""
    return model(
        "Configuration",
        id=name,
        priority=priority,
        target_condition="tags.line = '7' AND capabilities.iotEdge = true",
        content=model("ConfigurationContent", modules_content=content),
        **fields,
    )


def test_automatic_and_layered_deployments(device: StartDevice) -> None:
    running = start(device, echo={"from": "manifest"}, second={})
    running.module("second")
    with service_sdk(running) as sdk:
        query = "SELECT moduleId FROM devices.modules WHERE properties.reported.ready = true"
        metrics = model("ConfigurationMetrics", queries={"ready": query})
        made = sdk.configuration("create_configuration", automatic("base", 10, manifest(), metrics=metrics))
        assert made["systemMetrics"]["results"]["targetedCount"] == 0
        layer = {
            "$edgeAgent": {"properties.desired.modules.echo": entry()},
            "echo": {"properties.desired": {"from": "layer"}},
        }
        sdk.configuration("create_configuration", automatic("layer", 20, layer))
        running.module("second")
        # The tag brings both; what is in neither ends.
        sdk.registry("update_twin", "edge", model("Twin", tags={"line": "7"}))
        assert running.twin("echo", "desired")["from"] == "layer"
        names = {one["moduleId"] for one in sdk.registry("get_modules", "edge")}
        assert names == {"$edgeAgent", "$edgeHub", "echo"}
        ready(sdk, "echo")

        def settled() -> bool:
            one = sdk.configuration("get_configuration", "base")
            counts = one["systemMetrics"]["results"]
            assert counts["targetedCount"] == counts["appliedCount"] == 1
            return bool(counts["reportedSuccessfulCount"] and one["metrics"]["results"] == {"ready": 1})

        wait_for(settled, "the metrics of the deployment")
        assert len(sdk.configuration("get_configurations")) == 2
        # Its content stays, all else may change; If-Match goes as it is given.
        current = sdk.configuration("get_configuration", "layer")
        lower = automatic("layer", 5, layer)
        with pytest.raises(AssertionError, match="412"):
            sdk.configuration("update_configuration", lower, "stale")
        assert sdk.configuration("update_configuration", lower, current["etag"])["priority"] == 5
        # Below its base the layer no longer applies.
        assert {one["moduleId"] for one in sdk.registry("get_modules", "edge")} == {"$edgeAgent", "$edgeHub"}
        assert sdk.configuration("delete_configuration", "layer") is None
        with pytest.raises(AssertionError, match="404"):
            sdk.configuration("get_configuration", "layer")


def test_an_automatic_deployment_outlives_the_runtime(device: StartDevice) -> None:
    first = start(device, echo={}, second={})
    with service_sdk(first) as sdk:
        sdk.registry("update_twin", "edge", model("Twin", tags={"line": "7"}))
        sdk.configuration("create_configuration", automatic("base", 10, manifest(echo={"from": "base"})))
    assert first.stop() == 0
    second = start(device, echo={}, second={})
    assert second.twin("echo", "desired")["from"] == "base"
    assert "second" not in second.twin("$edgeAgent", "desired")["modules"]


def test_queries(device: StartDevice) -> None:
    with service_sdk(start(device, echo={"fps": 5})) as sdk:
        sdk.registry("create_device_with_sas", "lamp", "", "", "enabled")

        def ask(query: str, *paging: Any) -> Any:
            return sdk.registry("query_iot_hub", model("QuerySpecification", query=query), *paging)

        found = ask("SELECT * FROM devices")
        assert [one["deviceId"] for one in found["items"]] == ["edge", "lamp"]
        assert (found["type"], found["continuation"]) == ("Twin", None)
        page = ask("SELECT * FROM devices", None, 1)
        assert [one["deviceId"] for one in page["items"]] == ["edge"]
        rest = ask("SELECT * FROM devices", page["continuation"], 1)
        assert [one["deviceId"] for one in rest["items"]] == ["lamp"]
        modules = ask("SELECT * FROM devices.modules WHERE properties.desired.fps >= 5")
        assert [one["moduleId"] for one in modules["items"]] == ["echo"]
        with pytest.raises(AssertionError, match="400"):
            ask("SELECT * FROM")
