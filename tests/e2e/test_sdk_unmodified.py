"""The SDK is the registry's, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
from pathlib import Path

import azure.iot.device
import paho.mqtt.client
import pytest


def changed(distribution: importlib.metadata.Distribution) -> list[str]:
    """Files of the distribution that are not what its RECORD says; bytecode has no entry there that holds."""
    files = [file for file in distribution.files or [] if file.hash is not None]
    assert files
    return [
        str(file)
        for file in files
        if _digest(Path(str(file.locate()))) != (file.hash.value if file.hash else "")
    ]


def _digest(path: Path) -> str:
    if not path.exists():
        return "missing"
    digest = hashlib.sha256(path.read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("name", "module"),
    [("azure-iot-device", azure.iot.device.__file__), ("paho-mqtt", paho.mqtt.client.__file__)],
)
def test_installed_files_are_those_of_the_record(name: str, module: str) -> None:
    distribution = importlib.metadata.distribution(name)
    # What is imported is what is compared.
    assert Path(module) in {Path(str(file.locate())) for file in distribution.files or []}
    assert changed(distribution) == []


def test_a_changed_file_would_be_seen(tmp_path: Path) -> None:
    info = tmp_path / "sample-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: sample\nVersion: 1\n")
    (tmp_path / "sample.py").write_text("pass\n")
    (info / "RECORD").write_text(
        f"sample.py,sha256={_digest(tmp_path / 'sample.py')},5\ngone.py,sha256=x,1\n"
    )
    distribution = importlib.metadata.Distribution.at(info)
    assert changed(distribution) == ["gone.py"]
    (tmp_path / "sample.py").write_text("pass  # patched\n")
    assert changed(distribution) == ["sample.py", "gone.py"]
