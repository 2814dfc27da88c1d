"""What edgeAgent injects, beyond what its own tests look at (A.3)."""

from __future__ import annotations

from edge_runtime.agent.engine import Identity
from edge_runtime.agent.environment import Device, module_environment
from edge_runtime.heads.workload import API_VERSIONS


def injected() -> dict[str, str]:
    device = Device("edge", "hub.net", "127.0.0.1")
    identity = Identity("1", "unix:///s/camera.sock")
    return module_environment(device, "camera", identity, image={}, user={}, metrics_port=9610)


def test_the_protocol_of_the_upstream() -> None:
    """A.3-2b"""
    assert injected()["UpstreamProtocol"] == "Mqtt"


def test_the_api_version_is_one_that_the_workload_api_takes() -> None:
    """A.3-4"""
    assert injected()["IOTEDGE_APIVERSION"] in API_VERSIONS
