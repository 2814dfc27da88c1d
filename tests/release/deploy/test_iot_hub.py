"""The real service SDK over TLS: the twins of a fleet are read side by side, and never too many at once."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.hub.certificates import Certificates, ensure_certificates, server_context
from tests.e2e.deploying import NEEDS_SDK
from tests.e2e.device import ROOT
from tests.e2e.service_sdk import PYTHON
from tests.patience import PATIENCE_S

pytestmark = NEEDS_SDK
AT_ONCE = 8
DEVICES = [f"cam-{number}" for number in range(3 * AT_ONCE)]
PROGRAM = """
import json, sys
from pathlib import Path
from release.deploy.environment import Connection
from release.deploy.iot_hub import IotHub
from release.deploy.outcome import HubError
host, ca, *devices = sys.argv[1:]
hub = IotHub(Connection(f"HostName={host};SharedAccessKeyName=service;SharedAccessKey=a2V5", host, Path(ca), "cam-0"))
try:
    found = hub.snapshots(devices)
except HubError as error:
    sys.exit(str(error))
print(json.dumps({device: sorted(snapshot) for device, snapshot in found.items()}))
"""


class Twins(ThreadingHTTPServer):
    """An IoT Hub that answers for an agent only when so many are asked for at the same time."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.socket = server_context(certificates).wrap_socket(self.socket, server_side=True)
        self.name = f"127.0.0.1:{self.server_address[1]}"
        self.ca = certificates.ca_pem_path
        self.together = threading.Barrier(AT_ONCE, timeout=PATIENCE_S)
        self.unknown = ""
        self.asked: list[str] = []
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def read(self, device: str, module: str) -> dict[str, Any] | None:
        with self._lock:
            self.asked.append(f"{device}/{module}")
            self._now += 1
            self.most = max(self.most, self._now)
        if module == "$edgeAgent" and not self.unknown:
            self.together.wait()
        with self._lock:
            self._now -= 1
        return (
            None if device == self.unknown else {"properties": {"desired": {"$version": 1}, "reported": {}}}
        )


class _Handler(BaseHTTPRequestHandler):
    server: Twins
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = re.match(r"/twins/([^/]+)/modules/([^/?]+)", self.path.replace("%24", "$"))
        twin = self.server.read(found[1], found[2]) if found else None
        body = json.dumps(twin or {"Message": "ErrorCode:DeviceNotFound"}).encode()
        self.send_response(200 if twin else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def twins(tmp_path: Path) -> Iterator[Twins]:
    server = Twins(ensure_certificates(tmp_path, gateway="127.0.0.1"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def snapshots(twins: Twins, *devices: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PYTHON), "-P", "-c", PROGRAM, twins.name, str(twins.ca), *devices],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,
        check=False,
    )


def test_twins_of_many_devices_are_read_side_by_side_and_bounded(twins: Twins) -> None:
    done = snapshots(twins, *DEVICES)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {device: ["$edgeAgent", "$edgeHub"] for device in DEVICES}
    assert len(twins.asked) == 2 * len(DEVICES)
    assert twins.most == AT_ONCE


def test_one_that_is_unknown_ends_it_and_names_it(twins: Twins) -> None:
    twins.unknown = "cam-0"
    done = snapshots(twins, *DEVICES)
    assert done.returncode == 1
    assert "knows no edge device 'cam-0'" in done.stderr
    assert "Traceback" not in done.stderr
