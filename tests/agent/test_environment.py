"""What a module's process finds in its environment (spec A.3)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from edge_runtime.agent.engine import Identity
from edge_runtime.agent.environment import Device, MetricsPorts, module_environment

DEVICE = Device("line-1", "local.azure-devices.net", "127.0.0.7")
IDENTITY = Identity("g1", "unix:///s/camera.sock")


def environment(image: dict[str, str] | None = None, user: dict[str, str] | None = None) -> dict[str, str]:
    return module_environment(
        DEVICE, "camera", IDENTITY, image=image or {}, user=user or {}, metrics_port=9611
    )


def test_the_whole_set_that_edge_agent_injects() -> None:
    made = environment()
    expected = {
        "IOTEDGE_WORKLOADURI": "unix:///s/camera.sock",
        "IOTEDGE_AUTHSCHEME": "sasToken",
        "IOTEDGE_MODULEGENERATIONID": "g1",
        "IOTEDGE_IOTHUBHOSTNAME": "local.azure-devices.net",
        "IOTEDGE_GATEWAYHOSTNAME": "127.0.0.7",
        "IOTEDGE_DEVICEID": "line-1",
        "IOTEDGE_MODULEID": "camera",
        "IOTEDGE_APIVERSION": "2022-08-03",
        "RuntimeLogLevel": "info",
        "METRICS_PORT": "9611",
        "METRICS_ADDRESS": "127.0.0.7",
    }
    assert {name: made.get(name) for name in expected} == expected


def test_nothing_of_the_parent_but_the_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "IOTHUB_CONNECTION_STRING",
        "AWS_SECRET_ACCESS_KEY",
        "PYTHONPATH",
        "EdgeHubConnectionString",
    ):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    made = environment()
    assert "secret" not in made.values()
    assert made["TZ"] == "Europe/Berlin"


def test_the_manifest_goes_over_the_image_and_edge_agent_over_both() -> None:
    made = environment(
        image={"A": "image", "B": "image", "PATH": "/opt/bin", "IOTEDGE_DEVICEID": "image"},
        user={
            "B": "user",
            "TZ": "UTC",
            "RuntimeLogLevel": "debug",
            "IOTEDGE_DEVICEID": "user",
            "METRICS_PORT": "9600",
        },
    )
    assert (made["A"], made["B"], made["TZ"], made["RuntimeLogLevel"]) == ("image", "user", "UTC", "debug")
    assert made["IOTEDGE_DEVICEID"] == "line-1"
    assert made["METRICS_PORT"] == "9611"
    assert made["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert "/opt/bin" not in made["PATH"]


def test_metrics_ports_follow_the_names_and_stay() -> None:
    ports = MetricsPorts()
    assert ports.assign(["filter", "camera", "classifier"]) == {
        "camera": 9610,
        "classifier": 9611,
        "filter": 9612,
    }
    assert ports.assign(["camera", "filter", "aaa"]) == {"camera": 9610, "filter": 9612, "aaa": 9611}
    assert ports["filter"] == 9612
