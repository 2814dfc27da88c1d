"""What is pushed: exactly what was built, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.images.engine import PushFailedError
from release.images.publish import RefusedError, Registries, publish, publish_all
from release.images.record import ImageRecord, ImagesRecord, read
from release.images.registry import Published, RegistryError
from tests.release.images.shelf import DIGEST, IMAGE, FakeEngine, Shelf

CONTENT = "c" * 64
NAME = "127.0.0.1:5000/eye:1-amd64"
FOLDER = Path("modules/eye")


@pytest.fixture
def built(shelf: Shelf) -> ImageRecord:
    shelf.local[IMAGE] = CONTENT
    return ImageRecord(
        repository="127.0.0.1:5000/eye",
        tag="1-amd64",
        digest=None,
        content_sha256=CONTENT,
        image_id=IMAGE,
        size_bytes=None,
        build_seconds=1.5,
        unpacked_bytes=9,
    )


def test_what_was_built_is_pushed_once(
    built: ImageRecord, engine: FakeEngine, registries: Registries
) -> None:
    first = publish(built, FOLDER, engine, registries)
    assert first == built.model_copy(update={"digest": DIGEST, "size_bytes": 7})
    assert publish(built, FOLDER, engine, registries) == first
    assert publish(first, FOLDER, engine, registries) == first
    assert engine.pushed == [NAME]


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (Published(DIGEST, "sha256:other", "0" * 64, 7), "with other content (000000000000"),
        (Published(DIGEST, "sha256:other", None, 7), "by another tool"),
        (Published(DIGEST, "sha256:other", CONTENT, 7), "is another build than the one here"),
    ],
)
def test_what_somebody_else_published_meanwhile_is_refused_and_left(
    built: ImageRecord, shelf: Shelf, engine: FakeEngine, registries: Registries, there: Published, told: str
) -> None:
    shelf.published[NAME] = there
    with pytest.raises(RefusedError) as caught:
        publish(built, FOLDER, engine, registries)
    assert told in str(caught.value)
    assert (engine.pushed, shelf.published) == ([], {NAME: there})


def test_an_engine_may_name_an_image_after_its_manifest(
    built: ImageRecord, shelf: Shelf, engine: FakeEngine, registries: Registries
) -> None:
    shelf.published[NAME] = Published(DIGEST, "sha256:configuration", CONTENT, 7)
    assert publish(built.model_copy(update={"image_id": DIGEST}), FOLDER, engine, registries).digest == DIGEST


def test_a_push_that_left_nothing_is_an_error(
    built: ImageRecord, engine: FakeEngine, registries: Registries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "push", lambda *_: None)
    with pytest.raises(RegistryError, match=f"{NAME} was pushed and is not there"):
        publish(built, FOLDER, engine, registries)


def test_what_was_published_before_a_failure_is_recorded(
    built: ImageRecord, shelf: Shelf, engine: FakeEngine, registries: Registries, tmp_path: Path
) -> None:
    shelf.local["sha256:second"] = CONTENT
    second = built.model_copy(update={"tag": "2-amd64", "image_id": "sha256:second"})
    record = ImagesRecord(platform="amd64", commit=None, images={"eye": built, "second": second})

    def tell(_: str) -> None:
        engine.failing = bool(engine.pushed)

    with pytest.raises(PushFailedError):
        publish_all(record, tmp_path / "images.json", tmp_path, engine, registries, tell)
    assert {name: image.digest for name, image in read(tmp_path / "images.json").images.items()} == {
        "eye": DIGEST,
        "second": None,
    }
