"""`scripts/push` with an engine and a registry in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.images import push_command
from release.images.record import ImageRecord, ImagesRecord
from release.images.registry import Published
from tests.release.images.shelf import DIGEST, IMAGE, FakeEngine, Shelf


@pytest.mark.parametrize(
    ("name", "folder"), [("camera", "modules/camera"), ("serving", "serving"), ("gone", "modules/gone")]
)
def test_a_refusal_names_the_file_that_has_the_version(
    name: str,
    folder: str,
    shelf: Shelf,
    engine: FakeEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(push_command, "Engine", lambda: engine)
    image = ImageRecord(
        repository=f"127.0.0.1:5000/{name}",
        tag="1-amd64",
        digest=None,
        content_sha256="c" * 64,
        image_id=IMAGE,
        size_bytes=None,
        build_seconds=1.5,
    )
    shelf.published[image.reference] = Published(DIGEST, "sha256:other", "0" * 64, 7)
    record = tmp_path / "images.json"
    ImagesRecord(platform="amd64", commit=None, images={name: image}).write(record)
    assert push_command.main(["--record", str(record)]) == 1
    assert f'Raise "version" in {push_command.ROOT / folder / "module.json"}, or' in capsys.readouterr().err
    assert engine.pushed == []
