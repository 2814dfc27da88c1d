"""edgeAgent's metrics, read from a device that runs (spec D.6)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device
from tests.e2e.test_service_sdk import commands, manifest, start
from tests.patience import wait_for

Found = dict[tuple[str, str], float]


def scrape(device: Device) -> Found:
    """By name and module."""
    assert device.endpoints is not None
    with urllib.request.urlopen(f"http://{device.endpoints['metrics']['edgeAgent']}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    return {
        (sample.name.removeprefix("edgeAgent_"), sample.labels.get("module_name", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_of_a_device(device: StartDevice) -> None:
    running = start(device, echo={})
    assert running.endpoints is not None
    assert running.endpoints["metrics"]["edgeAgent"] == f"{running.address}:9601"
    wait_for(lambda: running.twin("echo").get("ready"), "a module that is connected")
    first = scrape(running)
    for name in ("echo", "edgeHub", "edgeAgent", "host"):
        assert first["used_memory_bytes", name] > 1_000_000, name
        assert first["used_memory_bytes", name] < first["total_memory_bytes", name]
    for name in ("echo", "edgeHub", "edgeAgent"):
        assert first["created_pids_total", name] >= 1, name
        assert first["total_time_expected_running_seconds", name] > 0, name
    assert first["module_start_total", "echo"] == 1
    assert first["iothub_syncs_total", ""] >= 1
    assert first["deployment_time_seconds_count", ""] == 1
    assert first["host_uptime_seconds", ""] > first["iotedged_uptime_seconds", ""] > 0

    os.kill(running.module("echo")["pid"], signal.SIGKILL)
    assert running.command("method", "$edgeAgent", "PING").returncode == 0

    def one_down() -> Found | None:
        found = scrape(running)
        behind = (
            found["total_time_expected_running_seconds", "echo"]
            - (found["total_time_running_correctly_seconds", "echo"])
        )
        return found if behind > 0.5 else None

    later = wait_for(one_down, "a module that does not run as it should")
    assert later["used_cpu_percent_count", "edgeHub"] >= 1
    # The reader gives each counter the ending that this one alone has not got.
    assert later["edgeagent_direct_method_invocations_count_total", ""] == 1


def test_a_page_of_the_internet_is_refused(device: StartDevice) -> None:
    running = start(device, echo={})
    assert running.endpoints is not None
    name, _, port = running.endpoints["metrics"]["edgeAgent"].partition(":")
    for host, status in (("evil.example", 403), ("localhost:9601", 200), ("edge-gateway", 200)):
        connection = http.client.HTTPConnection(name, int(port))
        connection.request("GET", "/metrics", headers={"Host": host})
        assert connection.getresponse().status == status, host
        connection.close()


def status_of_nonsense(place: str, tls: ssl.SSLContext | None = None) -> bytes:
    """What a request that is no HTTP is answered with."""
    host, _, port = place.rpartition(":")
    plain = socket.create_connection((host, int(port)))
    with tls.wrap_socket(plain, server_hostname=host) if tls else plain as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nContent-Length: s3cr3t\r\n\r\n")
        return stream.recv(4096).split()[1]


def test_nonsense_is_answered_on_every_port_and_told_in_a_line(device: StartDevice) -> None:
    running = start(device, echo={})
    assert running.endpoints is not None
    iothub = running.endpoints["iothub"]
    service = dict(part.split("=", 1) for part in iothub["connectionString"].split(";"))["HostName"]
    trusted = ssl.create_default_context(cafile=iothub["caFile"])
    observer = running.endpoints["observer"]["url"].removeprefix("http://")
    for place in (observer, *(running.endpoints["metrics"][name] for name in ("edgeAgent", "edgeHub"))):
        assert status_of_nonsense(place) == b"400", place
    assert status_of_nonsense(service, trusted) == b"400"
    assert running.stop() == 0
    for name in ("edgeAgent", "edgeHub"):
        told = running.log(name)
        assert "bad_request" in told
        assert "Traceback" not in told
        assert "s3cr3t" not in told


def test_a_taken_port_is_told_and_another_one_used(device: StartDevice, loopback: str) -> None:
    with socket.socket() as other:
        other.bind((loopback, 9601))
        other.listen()
        running = device({"modulesContent": manifest(echo={})}, *commands("echo"), "--json").up()
        assert running.endpoints is not None
        assert running.endpoints["metrics"]["edgeAgent"] != f"{loopback}:9601"
        assert ("host_uptime_seconds", "") in scrape(running)
        said = [json.loads(line) for line in running.said().splitlines() if line.startswith("{")]
        [warning] = [line for line in said if line["type"] == "warning" and "9601" in line["message"]]
        assert "edgeAgent's metrics are on another port" in warning["message"]
        assert any("9601" in warning for warning in running.endpoints["warnings"])
