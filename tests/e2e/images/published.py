"""The solution's images of one platform, as `scripts/build --push` publishes them in the local registry."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from release.images.record import ImagesRecord, read
from tests.e2e.device import ROOT

REGISTRY = "127.0.0.1:5000"
BUILD_S = 3600
"""Three images for a foreign architecture, of which no layer is here yet, on a machine that does other things too."""


def published(platform: str, record: Path) -> ImagesRecord:
    """Built where the registry does not have this content. Skips without engine, registry or base image."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 5000)):
            pytest.skip(f"no registry answers at {REGISTRY}")
    base = ["docker", "image", "inspect", f"{platform}/debian:bookworm-slim"]
    if subprocess.run(base, capture_output=True, check=False).returncode:
        pytest.skip(f"the base image {base[-1]} is not here")
    build = subprocess.run(
        [
            *(str(ROOT / "scripts" / "build"), "--platform", platform, "--push", "--version-from-content"),
            *("--record", str(record)),
        ],
        env={**os.environ, "CONTAINER_REGISTRY_SERVER": REGISTRY},
        capture_output=True,
        text=True,
        timeout=BUILD_S,
        check=False,
    )
    assert build.returncode == 0, build.stderr[-4000:]
    return read(record)
