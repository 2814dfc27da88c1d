"""createOptions and what the runtime adds: one row a rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent.docker.container_document import (
    DEFAULT_LOGGING,
    Surroundings,
    container_document,
    logging_of,
)
from edge_runtime.agent.docker.ownership import Network, Owner
from edge_runtime.agent.engine import EngineError
from edge_runtime.manifest import ModuleSpec

OWNER = Owner("Edge 1", Path("/state"))
NETWORK = OWNER.name
SURROUNDINGS = Surroundings(OWNER, Network(NETWORK, "172.18.0.1", "172.18.0.0/16"))
VARIABLES = {"IOTEDGE_DEVICEID": "Edge 1"}


def made(options: dict[str, Any] | None = None, **env: str) -> dict[str, Any]:
    spec = ModuleSpec("camera", "eye:1", env=env, create_options=options or {})
    return container_document(spec, VARIABLES, Path("/state/s/camera"), SURROUNDINGS)


def test_what_is_added_to_nothing() -> None:
    assert made() == {
        "Image": "eye:1",
        "Env": ["RuntimeLogLevel=info", "IOTEDGE_DEVICEID=Edge 1"],
        "Labels": {
            "edge-runtime.state": "/state",
            "edge-runtime.device": "Edge 1",
            "edge-runtime.module": "camera",
        },
        "HostConfig": {
            "Mounts": [
                {"Type": "bind", "Source": "/state/s/camera", "Target": "/run/iotedge", "ReadOnly": True}
            ],
            "LogConfig": DEFAULT_LOGGING,
            "ExtraHosts": [
                "edge-1.edge.internal:172.18.0.1",
                "edgeHub:172.18.0.1",
                "edgeAgent:172.18.0.1",
            ],
            "NetworkMode": NETWORK,
        },
        "NetworkingConfig": {"EndpointsConfig": {NETWORK: {"Aliases": ["camera"]}}},
    }


def test_everything_else_reaches_the_engine_as_it_is_and_the_spec_is_left_alone() -> None:
    options = {
        "Cmd": ["a"],
        "Entrypoint": ["b"],
        "User": "1:1",
        "Healthcheck": {"Test": ["NONE"]},
        "ExposedPorts": {"80/tcp": {}},
        "HostConfig": {"Memory": 5, "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}, "Unknown": [1]},
    }
    before = json.dumps(options)
    document = made(options)
    for name, value in options.items():
        if name != "HostConfig":
            assert document[name] == value
    assert document["HostConfig"].items() >= options["HostConfig"].items()  # type: ignore[attr-defined]
    assert json.dumps(options) == before


def test_variables_of_the_module_win_over_create_options_and_edge_agents_over_both() -> None:
    document = made({"Env": ["A=options", "B=a=b", "GONE", "IOTEDGE_DEVICEID=x"]}, A="module")
    assert document["Env"] == [
        "B=a=b",
        "GONE",
        "RuntimeLogLevel=info",
        "A=module",
        "IOTEDGE_DEVICEID=Edge 1",
    ]


def test_a_log_level_of_the_user_stays() -> None:
    assert "RuntimeLogLevel=debug" in made(RuntimeLogLevel="debug")["Env"]
    assert [e for e in made({"Env": ["RuntimeLogLevel=debug"]})["Env"] if "Level" in e] == [
        "RuntimeLogLevel=debug"
    ]


def test_members_are_found_whatever_their_case() -> None:
    document = made(
        {"hostConfig": {"mounts": [{"Type": "tmpfs"}], "logconfig": {"Type": "local"}}, "env": ["A=1"]}
    )
    assert set(document) == {"hostConfig", "env", "Image", "Labels", "NetworkingConfig"}
    assert [mount["Type"] for mount in document["hostConfig"]["mounts"]] == ["tmpfs", "bind"]
    assert document["hostConfig"]["logconfig"] == {"Type": "local"}
    assert document["env"][0] == "A=1"


@pytest.mark.parametrize(
    ("options", "mode", "endpoints"),
    [
        ({}, NETWORK, {NETWORK: {"Aliases": ["camera"]}}),
        ({"HostConfig": {"NetworkMode": "default"}}, NETWORK, {NETWORK: {"Aliases": ["camera"]}}),
        ({"HostConfig": {"NetworkMode": "azure-iot-edge"}}, NETWORK, {NETWORK: {"Aliases": ["camera"]}}),
        (
            {"NetworkingConfig": {"EndpointsConfig": {"azure-iot-edge": {"Aliases": ["eye"]}}}},
            None,
            {NETWORK: {"Aliases": ["eye", "camera"]}},
        ),
        (
            {"NetworkingConfig": {"EndpointsConfig": {"mine": None}}},
            None,
            {"mine": {"Aliases": ["camera"]}},
        ),
        ({"HostConfig": {"NetworkMode": "mine"}}, "mine", {"mine": {"Aliases": ["camera"]}}),
        (
            {"HostConfig": {"NetworkMode": "host"}, "NetworkingConfig": {"EndpointsConfig": {"host": {}}}},
            "host",
            {"host": {}},
        ),
        ({"HostConfig": {"NetworkMode": "host"}}, "host", None),
        ({"HostConfig": {"NetworkMode": "none"}}, "none", None),
        ({"HostConfig": {"NetworkMode": "container:other"}}, "container:other", None),
        ({"HostConfig": None, "NetworkingConfig": None}, NETWORK, {NETWORK: {"Aliases": ["camera"]}}),
    ],
)
def test_networks(options: dict[str, Any], mode: str | None, endpoints: dict[str, Any] | None) -> None:
    document = made(options)
    assert document["HostConfig"].get("NetworkMode") == mode
    assert (document.get("NetworkingConfig") or {}).get("EndpointsConfig") == endpoints
    named = mode not in {"none", "container:other"}
    assert ("edge-1.edge.internal:172.18.0.1" in document["HostConfig"].get("ExtraHosts", [])) is named


def test_a_host_that_create_options_name_leads_where_they_say() -> None:
    hosts = made({"HostConfig": {"ExtraHosts": ["EDGEHUB:10.0.0.1", "db=10.0.0.2"]}})["HostConfig"][
        "ExtraHosts"
    ]
    assert hosts[:2] == ["EDGEHUB:10.0.0.1", "db=10.0.0.2"]
    assert [host.partition(":")[0] for host in hosts[2:]] == ["edge-1.edge.internal", "edgeAgent"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"HostConfig": []}, r"createOptions\.HostConfig must be an object, not \[\]"),
        ({"HostConfig": {"Mounts": {}}}, r"createOptions\.HostConfig\.Mounts must be a list"),
        ({"Labels": "x"}, r"createOptions\.Labels must be an object"),
        ({"Env": "A=1"}, r"createOptions\.Env must be a list"),
        ({"NetworkingConfig": {"EndpointsConfig": [1]}}, r"EndpointsConfig must be an object"),
        ({"NetworkingConfig": {"EndpointsConfig": {"mine": 5}}}, r"EndpointsConfig\.mine must be an object"),
    ],
)
def test_another_shape_is_refused_with_its_place(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EngineError, match=message):
        made(options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type": "journald"}', {"Type": "journald", "Config": {}}),
        ('{"Type": "local", "Config": {"max-size": "1m"}}', {"Type": "local", "Config": {"max-size": "1m"}}),
        ("", DEFAULT_LOGGING),
        ("{}", DEFAULT_LOGGING),
        ("no JSON", DEFAULT_LOGGING),
        ("[]", DEFAULT_LOGGING),
        (None, DEFAULT_LOGGING),
    ],
)
def test_logging_of_modules_that_name_none(text: str | None, expected: dict[str, Any]) -> None:
    assert logging_of({"settings": {"loggingOptions": text}}) == expected
    assert logging_of({}) == DEFAULT_LOGGING
