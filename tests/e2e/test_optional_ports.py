"""Ports that the hub can do without: who may not have them is told, and everything else runs."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from edge_runtime.hub_ports import https_warning
from tests.e2e.conftest import StartDevice
from tests.e2e.device import ROOT, Device, python_path
from tests.edge.manifest import deployment
from tests.patience import PATIENCE_S, wait_for

MANIFEST = deployment({"camera": {}}, {})


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errno.EACCES, ["may not bind", "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=443", "setcap"]),
        (errno.EADDRINUSE, ["another process has it", "ss -ltnp", "--address 127.0.0.2"]),
        (errno.EADDRNOTAVAIL, ["Cannot assign requested address", "--address"]),
    ],
)
def test_the_warning_names_what_is_lost_and_the_mend(error: int, words: list[str]) -> None:
    warning = https_warning("127.0.0.7", OSError(error, os.strerror(error)))
    for word in ["127.0.0.7:443", "invoke_method", "MQTT over websockets", *words]:
        assert word in warning


def test_a_user_who_may_not_bind_443_is_told(short: Path, loopback: str) -> None:
    """With the rights of an ordinary user, which root can put on."""
    setpriv = shutil.which("setpriv")
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if setpriv is None or os.geteuid() != 0 or first <= 443:
        pytest.skip("needs root, setpriv, and a kernel that keeps port 443 from others")
    (short / "s").mkdir()
    configuration = {
        "deviceId": "edge",
        "iothubHostname": "local.azure-devices.net",
        "gatewayHostname": loopback,
        "address": loopback,
        "state": str(short),
        "sockets": str(short / "s"),
        "observer": {"port": 0, "token": "t"},
    }
    (short / "hub.json").write_text(json.dumps(configuration))
    command = [setpriv, "--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service"]
    with (short / "hub.log").open("w") as log:
        hub = subprocess.Popen(
            [*command, sys.executable, "-m", "edge_runtime", "hub", "--config", str(short / "hub.json")],
            cwd=ROOT,
            env=python_path(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert hub.stdout is not None
        word, _, said = hub.stdout.readline().partition(" ")
        assert word == "ready", (short / "hub.log").read_text()
        ready = json.loads(said)
        assert ready["https"] is None
        assert ready["metrics"] == f"{loopback}:9600"
        (warning,) = ready["warnings"]
        assert "may not bind ports below 1024" in warning
        assert warning in (short / "hub.log").read_text()
    finally:
        hub.terminate()
        hub.communicate(timeout=PATIENCE_S)


def scrape(device: Device) -> str:
    """The address of edgeHub's metrics, which answers."""
    assert device.endpoints is not None
    address: str = device.endpoints["metrics"]["edgeHub"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=PATIENCE_S) as answer:
        assert "edgehub_connected_clients" in answer.read().decode()
    return address


def test_where_9600_is_taken_metrics_are_elsewhere_and_stay_there(device: StartDevice, loopback: str) -> None:
    with socket.create_server((loopback, 9600)):
        running = device(MANIFEST, "--without", "camera").up()
        address = scrape(running)
        assert address != f"{loopback}:9600"
        assert running.endpoints is not None
        (warning,) = running.endpoints["warnings"]
        assert f"{loopback}:9600 cannot be used" in warning
        assert address.rpartition(":")[2] in warning
        assert warning in running.said()
        os.kill(running.hub()["pid"], signal.SIGKILL)
        wait_for(lambda: running.said().count("edgeHub: running") == 2, "the hub again")
        assert scrape(running) == address
    assert running.said().count(warning) == 1
