"""Devices on a real Docker engine: skipped, with the reason, where none answers. `scripts/test-docker` runs them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from edge_runtime.agent.docker.connection import DockerUnreachableError, connect
from edge_runtime.agent.docker.ownership import STATE_LABEL
from tests.e2e.device import Device, end_all
from tests.e2e.docker.deployment import deployment

TEMPLATE_MODULE = Path(__file__).with_name("template_module")
BUILD_S = 600
"""A build fetches Debian's and PyPI's packages when the engine has not cached its layers: about a minute."""

StartContainers = Callable[..., Device]


@pytest.fixture(scope="session")
def api() -> Iterator[APIClient]:
    """The engine, as `run` finds it."""
    try:
        client = connect()
    except DockerUnreachableError as error:
        pytest.skip(f"no Docker engine: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(api: APIClient) -> str:
    """An image that plain `docker build` makes of a module like iotedgedev's Python template writes it."""
    files = sorted(path for path in TEMPLATE_MODULE.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    return build(
        TEMPLATE_MODULE / "Dockerfile.amd64", TEMPLATE_MODULE, f"edge-runtime-test/template:{digest}"
    )


def build(dockerfile: Path, context: Path, tag: str) -> str:
    """`docker build`; the tag. Skips when the machine cannot reach what the Dockerfile starts from."""
    base = next(line.split()[1] for line in dockerfile.read_text().splitlines() if line.startswith("FROM"))
    if subprocess.run(["docker", "image", "inspect", base], capture_output=True, check=False).returncode:
        pulled = subprocess.run(["docker", "pull", base], capture_output=True, text=True, check=False)
        if pulled.returncode:
            pytest.skip(f"the base image {base} is not here: {pulled.stderr.strip()[-200:]}")
    command = ["docker", "build", "--quiet", "--tag", tag, "--file", str(dockerfile), str(context)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return tag


@pytest.fixture
def containers(short: Path, api: APIClient) -> Iterator[StartContainers]:
    """Start `run --engine docker`: `containers({module: settings}, {route: text})`; the state folder is `short/s`.

    Without modules it is the deployment of the last call again, or `manifest`.
    """
    state = short / "s"
    started: list[Device] = []

    def start(
        modules: dict[str, Any] | None = None,
        routes: dict[str, str] | None = None,
        *arguments: str,
        credentials: dict[str, Any] | None = None,
        manifest: Path | None = None,
        variables: dict[str, str] | None = None,
    ) -> Device:
        path = manifest or short / "deployment.json"
        if modules is not None:
            path.write_text(json.dumps(deployment(modules, routes or {}, credentials)))
        started.append(Device(path, state, None, "--engine", "docker", *arguments, **(variables or {})))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
    clean_up(api, state)


def ours(api: APIClient, state: Path) -> list[dict[str, Any]]:
    """Containers of the runtime with this state folder, running or not."""
    found: list[dict[str, Any]] = api.containers(all=True, filters={"label": [f"{STATE_LABEL}={state}"]})
    return found


def networks(api: APIClient, state: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.networks(filters={"label": [f"{STATE_LABEL}={state}"]})
    return found


def clean_up(api: APIClient, state: Path) -> None:
    """What a test that failed has left."""
    for container in ours(api, state):
        api.remove_container(container["Id"], force=True, v=True)
    for network in networks(api, state):
        api.remove_network(network["Id"])
    end_all(state)
