"""The test split's files, and its batches only if they hold original pixels."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.tiny_images import smooth_images
from training.dataset import CLASSES, DatasetError, LabelledImages
from training.evaluation_split import load_evaluation_split
from training.records import format_records


@pytest.fixture(scope="module")
def originals() -> LabelledImages:
    return smooth_images(30, 5)


def jpeg(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=75, subsampling=2)
    return buffer.getvalue()


def files(images: LabelledImages) -> dict[str, bytes]:
    return {
        f"test/{CLASSES[label]}/{number:04}.jpg": jpeg(pixels)
        for number, (pixels, label) in enumerate(zip(images.images, images.labels, strict=True))
    }


def write(folder: Path, content: dict[str, bytes]) -> None:
    for name, raw in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)


def decoded(images: LabelledImages) -> LabelledImages:
    pixels = [np.asarray(Image.open(io.BytesIO(jpeg(one))).convert("RGB")) for one in images.images]
    return LabelledImages(np.stack(pixels), images.labels)


def test_original_pixels_beside_the_files_are_both_measured(
    tmp_path: Path, originals: LabelledImages
) -> None:
    shuffled = originals.take(np.random.default_rng(1).permutation(len(originals)))
    write(tmp_path, files(originals) | {"test_batch.bin": format_records(shuffled)})
    found = load_evaluation_split(tmp_path)
    assert len(found.files) == 30
    assert found.originals is not None
    assert found.originals.fingerprint() == shuffled.fingerprint()
    assert not found.decoded_batches


def test_batches_of_the_files_decoded_are_no_originals(tmp_path: Path, originals: LabelledImages) -> None:
    shuffled = decoded(originals).take(np.random.default_rng(1).permutation(len(originals)))
    # another decoder rounds otherwise
    nudged = np.clip(shuffled.images.astype(int) + np.indices(shuffled.images.shape).sum(0) % 2, 0, 255)
    batch = LabelledImages(nudged.astype(np.uint8), shuffled.labels)
    write(tmp_path, files(originals) | {"test_batch.bin": format_records(batch)})
    found = load_evaluation_split(tmp_path)
    assert len(found.files) == 30
    assert found.originals is None
    assert found.decoded_batches


def test_batches_alone_are_taken_as_they_are(tmp_path: Path, originals: LabelledImages) -> None:
    write(tmp_path, {"cifar-10-batches-bin/test_batch.bin": format_records(originals)})
    found = load_evaluation_split(tmp_path)
    assert found.files == []
    assert found.originals is not None
    assert len(found.originals) == 30


def test_files_of_an_archive_are_read(tmp_path: Path, originals: LabelledImages) -> None:
    with tarfile.open(tmp_path / "cifar10-jpeg.tar.xz", "w:xz") as archive:
        for name, raw in files(originals).items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    found = load_evaluation_split(tmp_path)
    assert len(found.files) == 30
    assert found.originals is None
    assert not found.decoded_batches


def test_no_test_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no CIFAR-10 test split there: neither test/airplane"):
        load_evaluation_split(tmp_path)
