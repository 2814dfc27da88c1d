"""Containers of the scoring service as the rendered manifest has them, and the proxy in front."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.models.containers import Container
from docker.models.networks import Network

from targets.kubernetes.documents import Document
from tests.patience import PATIENCE_S

PORT = 8080
KEYS = {"primary": "a-primary-key-of-the-tests", "secondary": "a-secondary-key-of-the-tests"}
WAITS = {"SERVING_WAIT_S": "300", "SERVING_QUEUE": "10000", "SERVING_DRAIN_DELAY_S": "20"}
"""On a slow machine a picture that waits is late, not refused, and the proxy sees a drain late (it asks every 3 s)."""
_UNITS = {"Mi": 1 << 20, "Gi": 1 << 30}


@dataclass
class Replicas:
    """The containers of one test. `folders`: what stands for a volume of the manifest, by the volume's name."""

    client: DockerClient
    network: Network
    image: str
    pod: Document
    folders: dict[str, Path]
    started: dict[str, Container] = field(default_factory=dict)

    @property
    def container(self) -> Document:
        """The manifest's."""
        found: Document = self.pod["containers"][0]
        return found

    def start(self, name: str, bundle: str = "fast") -> Container:
        """A replica under this name in the network, once ready; command, limits and security are the manifest's."""
        spec, security = self.container, {**self.pod["securityContext"], **self.container["securityContext"]}
        arguments = [bundle if before == "--bundle" else word for before, word in _pairs(spec["args"])]
        network = str(self.network.name)
        tmp = next(volume["emptyDir"] for volume in self.pod["volumes"] if volume["name"] == "tmp")
        self.started[name] = self.client.containers.run(
            self.image,
            arguments,
            name=f"{network}-{name}-starting",
            detach=True,
            environment={entry["name"]: entry["value"] for entry in spec["env"]} | WAITS,
            user=f"{security['runAsUser']}:{security['runAsGroup']}",
            read_only=security["readOnlyRootFilesystem"],
            cap_drop=security["capabilities"]["drop"],
            security_opt=["no-new-privileges"],
            tmpfs={"/tmp": f"rw,noexec,nosuid,nodev,size={in_bytes(tmp['sizeLimit'])}"},
            mem_limit=in_bytes(spec["resources"]["limits"]["memory"]),
            volumes={str(self.folders[name]): {"bind": at, "mode": "ro"} for name, at in self._mounted()},
            network=network,
        )
        self.wait(lambda: self.status(name, "/v2/health/ready") == 200, f"{name} is ready")
        # Only now may the proxy find it, as a cluster's endpoints hold ready pods alone: HAProxy takes a name that it
        # finds for a server that is up until its first check says otherwise.
        self.started[name].rename(f"{network}-{name}")
        return self.started[name]

    def _mounted(self) -> list[tuple[str, str]]:
        mounts = self.container["volumeMounts"]
        return [(mount["name"], mount["mountPath"]) for mount in mounts if mount["name"] != "tmp"]

    def end(self, name: str) -> int:
        """Send SIGTERM, as a rollout does; the exit code, within the manifest's grace and our patience."""
        container = self.started[name]
        container.kill("SIGTERM")
        try:
            return int(
                container.wait(timeout=self.pod["terminationGracePeriodSeconds"] + PATIENCE_S)["StatusCode"]
            )
        finally:
            container.remove(force=True)
            del self.started[name]

    def kill(self, name: str) -> None:
        """As a node that goes without a word."""
        self.started.pop(name).remove(force=True)

    def address(self, name: str) -> str:
        return address_of(self.started[name], self.network)

    def status(self, name: str, path: str, method: str = "GET", body: bytes = b"", key: str = "") -> int:
        """Of one request to a replica itself; 0 when nobody answers."""
        return status(self.address(name), method, path, body, key)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            logs = {name: container.logs().decode()[-2000:] for name, container in self.started.items()}
            assert time.monotonic() < deadline, f"never: {what}: {logs}"
            for container in self.started.values():
                container.reload()
                assert container.status == "running", f"{container.name}: {container.logs().decode()[-4000:]}"
            time.sleep(0.1)

    def close(self) -> None:
        for container in self.started.values():
            container.remove(force=True)


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(["", *words], words, strict=False))


def in_bytes(quantity: str) -> int:
    """Of Kubernetes' `512Mi`."""
    found = re.fullmatch(r"(\d+)(Mi|Gi)", quantity)
    assert found, quantity
    return int(found[1]) * _UNITS[found[2]]


def address_of(container: Container, network: Network) -> str:
    """In the network, as this machine reaches it too."""
    container.reload()
    attached: dict[str, Any] = container.attrs["NetworkSettings"]["Networks"]
    return str(attached[str(network.name)]["IPAddress"])


def status(address: str, method: str, path: str, body: bytes = b"", key: str = "") -> int:
    """Of one request over a connection of its own; 0 when nobody answers."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    head += (
        "Content-Type: application/json\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "") + "\r\n"
    )
    try:
        with socket.create_connection((address, PORT), timeout=PATIENCE_S) as connection:
            connection.sendall(head.encode() + body)
            answer = connection.makefile("rb").readline().split()
    except OSError:
        return 0
    return int(answer[1]) if len(answer) > 1 else 0
