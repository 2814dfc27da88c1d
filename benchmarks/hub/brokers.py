"""The brokers of a run: each a fresh process on a loopback address of its own, with TLS on port 8883."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError
from benchmarks.hub.children import ROOT, child
from benchmarks.hub.topics import DEVICE, EVENTS, INPUT, INPUTS, IOTHUB, PORT, RECEIVER, SENDER
from edge_runtime.hub import sas
from edge_runtime.hub.certificates import Certificates, ensure_certificates
from edge_runtime.supervisor.control_client import ControlClient

AMQTT_PYTHON = ROOT / ".venv-amqtt" / "bin" / "python"
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
_PLAIN_PORT = 1883
_START_TIMEOUT_S = 120.0
_TOKEN_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Running:
    """A broker that listens. `subscribe` is the filter under which the receiver gets what the sender sends."""

    address: str
    pid: int
    ca: Path
    subscribe: str = INPUTS + "#"
    keys: dict[str, str] = field(default_factory=dict)

    def login(self, module: str) -> dict[str, str]:
        """For the raw client."""
        token = sas.sign(
            f"{IOTHUB}/devices/{DEVICE}/modules/{module}",
            sas.decode_key(self.keys[module]),
            expiry=int(time.time() + _TOKEN_S),
        )
        username = f"{IOTHUB}/{DEVICE}/{module}/?api-version=2018-06-30"
        return {"client_id": f"{DEVICE}/{module}", "username": username, "password": token}

    def connection_string(self, module: str) -> str:
        """For the SDK."""
        return (
            f"HostName={IOTHUB};DeviceId={DEVICE};ModuleId={module};SharedAccessKey={self.keys[module]};"
            f"GatewayHostName={self.address}"
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a broker runs: a loopback address, folders for its state, for certificates and for unix sockets.

    A socket's path has at most 107 bytes, so that folder's must be short.
    """

    address: str
    folder: Path
    certificates: Path
    sockets: Path

    def issue(self) -> Certificates:
        return ensure_certificates(self.certificates, gateway=self.address)


Broker = Callable[[Place], AbstractContextManager[Running]]


@contextmanager
def hub(place: Place) -> Iterator[Running]:
    """The hub's process, routed and durable."""
    with hub_process(place) as (process, control):
        yield configured(place, process, control)


def configured(place: Place, process: subprocess.Popen[bytes], control: ControlClient) -> Running:
    """Give the hub its modules and routes."""
    control.configure(deployment())
    keys = {entry["module"]: entry["primaryKey"] for entry in control.identities()}
    return Running(place.address, process.pid, place.issue().ca_pem_path, keys=keys)


@contextmanager
def hub_process(place: Place) -> Iterator[tuple[subprocess.Popen[bytes], ControlClient]]:
    """`python -m edge_runtime hub`, ready; its state is the place's folder, new or not."""
    state = place.folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    shutil.copytree(place.issue().chain_path.parent, state / "certificates", dirs_exist_ok=True)
    config = place.folder / "hub.json"
    config.touch(mode=0o600)
    document = {
        "deviceId": DEVICE, "iothubHostname": IOTHUB, "gatewayHostname": place.address, "address": place.address,
        "state": str(state), "sockets": str(place.sockets), "observer": {"port": 0, "token": "benchmark"},
    }  # fmt: skip
    config.write_text(json.dumps(document))
    command = [sys.executable, "-P", "-m", "edge_runtime", "hub", "--config", str(config)]
    with _process(command, place, lambda: "ready " in _log(place)) as process:
        yield process, ControlClient(place.sockets / "control.sock")


def deployment() -> dict[str, Any]:
    """Two modules; the output `out` goes to the receiver by source and property, `up` to the cloud."""
    module = {
        "type": "docker", "status": "running", "restartPolicy": "always", "version": "1.0",
        "settings": {"image": "localhost:5000/module:1-amd64", "createOptions": "{}"},
    }  # fmt: skip
    source = f"FROM /messages/modules/{SENDER}/outputs"
    routes = {
        "frames": f"{source}/out WHERE kind = 'frame' INTO "
        f'BrokeredEndpoint("/modules/{RECEIVER}/inputs/{INPUT}")',
        "cloud": f"{source}/up INTO $upstream",
    }
    agent = {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
        "systemModules": {"edgeAgent": module, "edgeHub": module},
        "modules": {SENDER: module, RECEIVER: module},
    }
    hub_twin = {
        "schemaVersion": "1.2",
        "routes": routes,
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
    }
    return {
        "$edgeAgent": {"properties.desired": agent},
        "$edgeHub": {"properties.desired": hub_twin},
    }


@contextmanager
def mosquitto(place: Place, *, bridged: bool) -> Iterator[Running]:
    """Debian's mosquitto without persistence; `bridged`: to itself, with the receiver's prefix for the sender's.

    With its defaults, but that it writes small packets at once and drops nothing that is queued.
    """
    if MOSQUITTO is None:
        raise BenchmarkError("mosquitto is not installed: apt-get install mosquitto")
    issued = place.issue()
    place.folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "persistence false", "allow_anonymous true", "user root", "log_type error", "set_tcp_nodelay true",
        "max_queued_messages 0", f"listener {PORT} {place.address}",
        f"certfile {issued.chain_path}", f"keyfile {issued.key_path}",
    ]  # fmt: skip
    if bridged:
        lines += [
            f"listener {_PLAIN_PORT} {place.address}", "connection itself",
            f"address {place.address}:{_PLAIN_PORT}", f"topic # out 1 {EVENTS} {INPUTS}",
            "bridge_protocol_version mqttv311", "notifications false", "restart_timeout 1",
        ]  # fmt: skip
    config = place.folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    with _process([MOSQUITTO, "-c", str(config)], place, lambda: _listens(place.address)) as process:
        yield Running(
            place.address,
            process.pid,
            issued.ca_pem_path,
            subscribe=(INPUTS if bridged else EVENTS) + "#",
            keys=_any_keys(),
        )


@contextmanager
def amqtt(place: Place) -> Iterator[Running]:
    """The broker in pure Python, in its own environment, with a plugin that forwards."""
    if not AMQTT_PYTHON.exists():
        raise BenchmarkError("amqtt is not installed: scripts/venv .venv-amqtt requirements/amqtt.txt")
    issued = place.issue()
    place.folder.mkdir(parents=True, exist_ok=True)
    config = place.folder / "amqtt.json"
    document = {"address": place.address, "port": PORT, "chain": str(issued.chain_path),
                "key": str(issued.key_path), "from": EVENTS, "to": INPUTS}  # fmt: skip
    config.write_text(json.dumps(document))
    command = [str(AMQTT_PYTHON), "-P", str(Path(__file__).with_name("amqtt_broker.py")), str(config)]
    with _process(command, place, lambda: _listens(place.address)) as process:
        yield Running(place.address, process.pid, issued.ca_pem_path, keys=_any_keys())


def _any_keys() -> dict[str, str]:
    key = base64.b64encode(os.urandom(32)).decode()
    return {SENDER: key, RECEIVER: key}


@contextmanager
def _process(
    command: Sequence[str], place: Place, ready: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is ended whatever happens."""
    with (
        (place.folder / "log").open("wb") as output,
        child(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process,
    ):
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkError(f"{command[0]} did not start: {_log(place)[-2000:].strip()}")
            time.sleep(0.005)
        yield process


def _log(place: Place) -> str:
    return (place.folder / "log").read_text(errors="replace")


def _listens(address: str) -> bool:
    try:
        with socket.create_connection((address, PORT), 1):
            return True
    except OSError:
        return False
