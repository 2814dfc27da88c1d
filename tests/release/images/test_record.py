from __future__ import annotations

import json
from pathlib import Path

import pytest

from release.images.record import ImageRecord, ImagesRecord, RecordError, read

DIGEST = f"sha256:{'d' * 64}"


def image(digest: str | None = DIGEST) -> ImageRecord:
    return ImageRecord(
        repository="127.0.0.1:5000/camera",
        tag="1-amd64",
        digest=digest,
        content_sha256="c" * 64,
        image_id="sha256:i",
        size_bytes=5,
        build_seconds=None,
    )


def test_is_written_in_the_names_of_the_interface_and_read_again(tmp_path: Path) -> None:
    record = ImagesRecord(platform="amd64", commit=None, images={"camera": image()})
    record.write(tmp_path / "config" / "images.amd64.json")
    document = json.loads((tmp_path / "config" / "images.amd64.json").read_text())
    assert document["schema"] == "images/1"
    assert set(document["images"]["camera"]) == {
        *(
            "repository",
            "tag",
            "digest",
            "contentSha256",
            "imageId",
            "sizeBytes",
            "buildSeconds",
            "unpackedBytes",
        )
    }
    assert read(tmp_path / "config" / "images.amd64.json") == record
    assert [file.name for file in (tmp_path / "config").iterdir()] == ["images.amd64.json"]


def test_a_reference_is_by_digest_once_there_is_one() -> None:
    assert image().reference == f"127.0.0.1:5000/camera:1-amd64@{DIGEST}"
    assert image(digest=None).reference == "127.0.0.1:5000/camera:1-amd64"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "the document: Invalid JSON"),
        ('{"schema": "images/2", "platform": "a", "commit": null, "images": {}}', "schema: Input should be"),
        (
            '{"schema": "images/1", "platform": "a", "commit": null, "images": {"x": {}}}',
            "images.x.repository",
        ),
    ],
)
def test_another_file_is_told_from_a_record(tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "images.json").write_text(text)
    with pytest.raises(RecordError, match=r"images\.json") as caught:
        read(tmp_path / "images.json")
    assert part in str(caught.value)


def test_a_missing_file_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="scripts/build"):
        read(tmp_path / "images.json")
