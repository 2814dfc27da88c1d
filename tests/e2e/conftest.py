"""Devices for end-to-end tests, in folders with paths short enough for sockets."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from edge_runtime.agent.docker.connection import DockerUnreachableError, connect
from tests.addresses import loopback_address
from tests.e2e.device import TEMPLATE, Device, end_all
from tests.e2e.image_suite import TOLD, Tell

StartDevice = Callable[..., Device]


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="e2e-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path."""
    with short_folder() as folder:
        yield folder


@contextlib.contextmanager
def ending(state: Path) -> Iterator[list[Device]]:
    """The runs of a state folder: those in the list, and whatever they leave, are ended."""
    started: list[Device] = []
    yield started
    for one in started:
        one.process.kill()
        one.process.wait()
    end_all(state)


@contextlib.contextmanager
def starting(short: Path, address: str) -> Iterator[StartDevice]:
    state = short / "s"

    def start(manifest: Path | dict[str, Any] | None = None, *arguments: str, **variables: str) -> Device:
        if isinstance(manifest, dict):
            path = short / "deployment.json"
            path.write_text(json.dumps(manifest))
        else:
            path = manifest or TEMPLATE
        started.append(Device(path, state, address, *arguments, **variables))
        return started[-1]

    with ending(state) as started:
        yield start


@pytest.fixture
def device(short: Path, loopback: str) -> Iterator[StartDevice]:
    """Start a `run`: `device(manifest or document, *arguments, **variables)`; the template when None."""
    with starting(short, loopback) as start:
        yield start


@pytest.fixture(scope="module")
def shared_device() -> Iterator[StartDevice]:
    """As `device`, for all tests of a file."""
    with loopback_address() as address, short_folder() as short, starting(short, address) as start:
        yield start


@pytest.fixture(scope="session")
def strace() -> str:
    """The program."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed (apt-get install -y strace)")
    if subprocess.run([found, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow ptrace")
    return found


@pytest.fixture(scope="session")
def client() -> Iterator[DockerClient]:
    """Of the engine that `run` would find; a test of images without one is skipped."""
    try:
        connect().close()
    except DockerUnreachableError as error:
        pytest.skip(f"no Docker engine: {error}")
    client = DockerClient.from_env(timeout=600)
    yield client
    client.close()


@pytest.fixture(scope="session")
def tell(request: pytest.FixtureRequest) -> Tell:
    """A line for the end of the run: sizes, times and counts, which decide nothing."""
    return request.config.stash.setdefault(TOLD, []).append
