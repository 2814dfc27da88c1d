"""Reaching the Docker engine, and what is said where none answers."""

from __future__ import annotations

import gc
import socket
from pathlib import Path

import pytest

from release.engine import EngineUnreachableError, connect


def test_a_socket_that_nobody_listens_on_is_told_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an engine leaves that was killed: the SDK alone would keep a socket open until some later collection."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with pytest.raises(EngineUnreachableError, match=f"at unix://{path} .*refused.*systemctl start docker"):
        connect()
    gc.collect()  # an open socket is a warning now, which fails this test


def test_an_address_that_nobody_listens_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(EngineUnreachableError, match=r"at tcp://127\.0\.0\.1:1"):
        connect()
    gc.collect()
