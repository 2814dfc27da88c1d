"""An image of iotedgedev's Python template, made by plain `docker build`, runs here as on a device."""

from __future__ import annotations

import base64
import os
import signal
import socket
import ssl
from pathlib import Path

from docker import APIClient

from tests.e2e.device import alive
from tests.e2e.docker.conftest import StartContainers, networks, ours
from tests.e2e.docker.deployment import module
from tests.e2e.docker.watching import call, upstream
from tests.patience import wait_for

ROUTES = {
    "pipe": 'FROM /messages/modules/sender/outputs/out INTO BrokeredEndpoint("/modules/pipe/inputs/input1")',
    "up": "FROM /messages/modules/pipe/outputs/output1 INTO $upstream",
}


def test_it_sends_receives_answers_and_outlives_the_hub(containers: StartContainers, image: str) -> None:
    device = containers({"sender": module(image), "pipe": module(image)}, ROUTES).up()
    call(device, "sender", "send", {"output": "out", "text": '{"n": 1}'})
    wait_for(lambda: upstream(device) == [{"n": 1}], "the message upstream")
    device.control.patch_desired("pipe", {"wanted": 7})
    wait_for(lambda: device.twin("pipe").get("seen") == 7, "the reported property")

    hub = device.hub()
    os.kill(hub["pid"], signal.SIGKILL)
    wait_for(lambda: not alive(hub), "the hub's end")
    call(device, "sender", "send", {"output": "out", "text": '{"n": 2}'})
    wait_for(lambda: upstream(device)[-1] == {"n": 2}, "the message after the hub's restart")
    # The hub has bound the socket anew: another file, in the folder that the container has mounted.
    assert call(device, "pipe", "workload").endswith("200 OK")
    assert device.twin("$edgeAgent")["modules"]["pipe"]["restartCount"] == 0
    assert device.stop(signal.SIGINT) == 0


def test_the_engine_shows_what_create_options_ask_for(
    containers: StartContainers, image: str, api: APIClient, short: Path
) -> None:
    (short / "shared").mkdir(mode=0o777)
    (short / "shared").chmod(0o777)
    (short / "shared" / "note.txt").write_text("from the device")
    options = {
        "Env": ["A=options", "B=options", "IOTEDGE_DEVICEID=somebody-else"],
        "Labels": {"mine": "1"},
        "Hostname": "camera-host",
        "HostConfig": {
            "Memory": 64 * 1024 * 1024,
            "PidsLimit": 40,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": "rw,size=1m,mode=1777"},
            "Binds": [f"{short / 'shared'}:/shared:ro"],
            "PortBindings": {"9600/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}]},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}},
        },
        "ExposedPorts": {"9600/tcp": {}},
    }
    device = containers({"pipe": module(image, options, env={"B": {"value": "module"}})}).up()
    seen = call(device, "pipe", "look")
    assert seen["uid"] != 0
    assert int(seen["capabilities"], 16) == 0
    assert seen["files"] == {"/": False, "/tmp": True, "/run/iotedge": False}
    assert (seen["memory"], seen["processes"]) == (str(64 * 1024 * 1024), "40")
    assert call(device, "pipe", "read", "/shared/note.txt") == "from the device"
    variables = seen["variables"]
    assert (variables["A"], variables["B"]) == ("options", "module")
    assert variables["HOSTNAME"] == "camera-host"
    expected = {
        "IOTEDGE_WORKLOADURI": "unix:///run/iotedge/workload.sock",
        "IOTEDGE_AUTHSCHEME": "sasToken",
        "IOTEDGE_IOTHUBHOSTNAME": "local.azure-devices.net",
        "IOTEDGE_GATEWAYHOSTNAME": "edge.edge.internal",
        "IOTEDGE_DEVICEID": "edge",
        "IOTEDGE_MODULEID": "pipe",
        "RuntimeLogLevel": "info",
    }
    assert {name: variables[name] for name in expected} == expected
    assert {"IOTEDGE_MODULEGENERATIONID", "IOTEDGE_APIVERSION"} <= variables.keys()
    (container,) = ours(api, device.state)
    assert container["Labels"]["mine"] == "1"
    inspected = api.inspect_container(container["Id"])
    assert inspected["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m"}}
    assert inspected["NetworkSettings"]["Ports"]["9600/tcp"][0]["HostIp"] == "127.0.0.1"
    address = next(iter(inspected["NetworkSettings"]["Networks"].values()))["IPAddress"]
    wait_for(
        lambda: (device.endpoints or {})["metrics"]["pipe"] == f"{address}:9600", "the address of the metrics"
    )


def test_the_hub_listens_on_the_networks_gateway_and_modules_find_it_and_each_other_by_name(
    containers: StartContainers, image: str, api: APIClient
) -> None:
    device = containers({"pipe": module(image), "other": module(image)}).up()
    (network,) = networks(api, device.state)
    gateway = network["IPAM"]["Config"][0]["Gateway"]
    assert device.endpoints is not None
    assert device.endpoints["address"] == gateway
    for name in ("edge.edge.internal", "edgeHub"):
        assert call(device, "pipe", "resolve", name) == gateway
    call(device, "other", "look")
    (other,) = [c for c in ours(api, device.state) if c["Labels"]["edge-runtime.module"] == "other"]
    address = other["NetworkSettings"]["Networks"][network["Name"]]["IPAddress"]
    assert call(device, "pipe", "resolve", "other") == address
    assert listeners(device.hub()["pid"]) == {gateway}
    trusting = ssl.create_default_context(cafile=device.endpoints["iothub"]["caFile"])
    service = int(device.endpoints["iothub"]["connectionString"].partition(";")[0].rpartition(":")[2])
    for name, port in [(gateway, 8883), ("edge.edge.internal", 8883), ("edgeHub", 8883), (gateway, service)]:
        with (
            socket.create_connection((gateway, port)) as plain,
            trusting.wrap_socket(plain, server_hostname=name) as tls,
        ):
            assert tls.getpeercert()


def listeners(pid: int) -> set[str]:
    """Addresses of the TCP sockets on which a process listens."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(entry.readlink().name)
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                raw = base64.b16decode(fields[1].partition(":")[0])
                found.add(".".join(str(byte) for byte in reversed(raw)))
    return found
