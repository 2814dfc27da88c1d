from __future__ import annotations

import pytest

from release.images.record import ImageRecord, ImagesRecord
from release.images.table import show


def rows(capsys: pytest.CaptureFixture[str], **fields: object) -> list[str]:
    image = {
        "repository": "127.0.0.1:5000/camera",
        "tag": "1-amd64",
        "digest": None,
        "content_sha256": "c" * 64,
        "image_id": "sha256:i",
        "size_bytes": None,
        "build_seconds": 31.24,
        "unpacked_bytes": 373_800_000,
    }
    record = ImageRecord.model_validate(image | fields)
    show(ImagesRecord(platform="amd64", commit=None, images={"camera": record}))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_build_has_its_time_and_its_size_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(capsys) == [
        "module tag build unpacked download digest",
        "camera 1-amd64 31.2 s 373.8 MB - not pushed",
    ]


def test_what_is_published_has_the_size_of_a_download(capsys: pytest.CaptureFixture[str]) -> None:
    published = {
        "digest": f"sha256:{'d' * 64}",
        "size_bytes": 140_500_000,
        "build_seconds": None,
        "unpacked_bytes": None,
    }
    assert rows(capsys, **published)[1] == "camera 1-amd64 published already - 140.5 MB sha256:dddddddddddd"
