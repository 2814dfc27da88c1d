"""What happens to the engine and to what is on it, and what the device makes of it."""

from __future__ import annotations

from pathlib import Path

from docker import APIClient

from tests.e2e.device import Device
from tests.e2e.docker.conftest import StartContainers, networks, ours
from tests.e2e.docker.deployment import module
from tests.e2e.docker.watching import call, until_status, upstream
from tests.patience import wait_for

UPSTREAM = {"up": "FROM /messages/modules/pipe/outputs/out INTO $upstream"}


def said_upstream(device: Device, text: str) -> None:
    """The module reaches the hub, and the hub the IoT Hub."""
    call(device, "pipe", "send", {"output": "out", "text": f'"{text}"'})
    wait_for(lambda: text in upstream(device), f"{text} upstream")


def desire(device: Device, status: str) -> None:
    device.control.patch_desired("$edgeAgent", {"modules": {"pipe": {"status": status}}})
    until_status(device, "pipe", status)


def test_a_network_and_containers_that_were_pruned_are_made_again_with_the_same_addresses(
    containers: StartContainers, image: str, api: APIClient
) -> None:
    """As `docker system prune` leaves it while no module runs."""
    device = containers({"pipe": module(image)}, UPSTREAM).up()
    said_upstream(device, "before")
    (before,) = networks(api, device.state)
    desire(device, "stopped")
    (container,) = ours(api, device.state)
    api.remove_container(container["Id"])
    api.remove_network(before["Id"])
    desire(device, "running")
    said_upstream(device, "after")
    (again,) = networks(api, device.state)
    assert again["Id"] != before["Id"]
    assert (again["Name"], again["IPAM"], again["Options"]) == (
        before["Name"],
        before["IPAM"],
        before["Options"],
    )
    assert device.stop() == 0
    assert networks(api, device.state) == []


def test_a_network_alone_that_was_removed_is_made_again(
    containers: StartContainers, image: str, api: APIClient
) -> None:
    device = containers({"pipe": module(image)}, UPSTREAM).up()
    until_status(device, "pipe", "running")
    desire(device, "stopped")
    (network,) = networks(api, device.state)
    api.remove_network(network["Id"])
    desire(device, "running")
    said_upstream(device, "after")


def test_two_devices_of_one_name_share_an_engine_and_nothing_else(
    containers: StartContainers, image: str, api: APIClient, short: Path
) -> None:
    one = containers({"pipe": module(image)}, UPSTREAM).up()
    other = Device(short / "deployment.json", short / "t", None, "--engine", "docker").up()
    try:
        assert one.endpoints is not None
        assert other.endpoints is not None
        assert one.endpoints["address"] != other.endpoints["address"]
        said_upstream(one, "from one")
        said_upstream(other, "from the other")
        assert ("from one" in upstream(other), "from the other" in upstream(one)) == (False, False)
        assert one.stop() == 0
        assert (ours(api, one.state), networks(api, one.state)) == ([], [])
        said_upstream(other, "alone")
    finally:
        other.stop()
    assert (ours(api, other.state), networks(api, other.state)) == ([], [])
