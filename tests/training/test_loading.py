"""CIFAR-10 is read from each of its layouts, from folders and archives, and damage is named."""

from __future__ import annotations

import gzip
import io
import lzma
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import filetree
from training.augmentation import recompress
from training.dataset import CLASSES, DatasetError, LabelledImages
from training.loading import encoded_images, load_lossless, load_split, load_training
from training.records import format_records

PER_BATCH = 3
Files = dict[str, bytes]


def batches(train: LabelledImages, held: LabelledImages) -> dict[str, LabelledImages]:
    parts = {
        f"data_batch_{number + 1}": train.take(np.arange(number * PER_BATCH, (number + 1) * PER_BATCH))
        for number in range(5)
    }
    return parts | {"test_batch": held}


def binary(train: LabelledImages, held: LabelledImages) -> Files:
    return {
        f"cifar-10-batches-bin/{name}.bin": format_records(part)
        for name, part in batches(train, held).items()
    }


def python(train: LabelledImages, held: LabelledImages) -> Files:
    files = {}
    for name, part in batches(train, held).items():
        planes = part.images.transpose(0, 3, 1, 2).reshape(len(part), -1)
        content = {b"data": planes, b"labels": part.labels.tolist(), b"batch_label": b"tiny"}
        files[f"cifar-10-batches-py/{name}"] = pickle.dumps(content, protocol=2)
    return files


def images(train: LabelledImages, held: LabelledImages) -> Files:
    files = {}
    for split, part in (("train", train), ("test", held)):
        for number, (pixels, label) in enumerate(zip(part.images, part.labels, strict=True)):
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            files[f"images/{split}/{CLASSES[label]}/{number:04}.png"] = buffer.getvalue()
    return files


def as_folder(files: Files, path: Path) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_archive(files: Files, path: Path, suffix: str) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    pack: dict[str, Callable[[bytes], bytes]] = {
        ".tar.gz": gzip.compress,
        ".tar.xz": lzma.compress,
        ".tar": bytes,
    }
    target = path / f"cifar{suffix}"
    target.write_bytes(pack[suffix](buffer.getvalue()))
    return target


def same(a: LabelledImages, b: LabelledImages) -> bool:
    """The same pictures with the same labels; class folders lose the order."""
    keys = [
        sorted((int(label), pixels.tobytes()) for pixels, label in zip(part.images, part.labels, strict=True))
        for part in (a, b)
    ]
    return keys[0] == keys[1]


LAYOUTS = {
    "official binary batches": binary,
    "official python batches": python,
    "class folders of images": images,
}


@pytest.mark.parametrize("suffix", [None, ".tar.gz", ".tar.xz", ".tar"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_gives_the_same_images(
    layout: str, suffix: str | None, tmp_path: Path, train: LabelledImages, held: LabelledImages
) -> None:
    files = LAYOUTS[layout](train, held)
    path = as_archive(files, tmp_path, suffix) if suffix else as_folder(files, tmp_path)
    # an archive is found by its own path and by that of the folder it lies in
    for place in {path, tmp_path}:
        found, name = load_split(place, "train")
        assert name == layout
        assert same(found, train)
        assert same(load_split(place, "test")[0], held)


@pytest.mark.parametrize("build", [binary, python])
def test_batches_keep_their_order(
    build: Callable[[LabelledImages, LabelledImages], Files],
    tmp_path: Path,
    train: LabelledImages,
    held: LabelledImages,
) -> None:
    found, _ = load_split(as_folder(build(train, held), tmp_path), "train")
    assert np.array_equal(found.images, train.images)
    assert np.array_equal(found.labels, train.labels)


def test_lossless_records_take_the_place_of_their_jpeg_twins(
    tmp_path: Path, train: LabelledImages, held: LabelledImages
) -> None:
    encoded = LabelledImages(np.stack([recompress(image, 75, 2) for image in train.images]), train.labels)
    as_folder(binary(encoded, held), tmp_path)
    chosen = np.array([2, 7, 11])
    packed = lzma.compress(format_records(train.take(chosen)))
    (tmp_path / "lossless-train-3.bin.xz").write_bytes(packed)

    source = load_training(tmp_path)

    assert len(source.data) == len(train)
    assert np.flatnonzero(source.lossless).tolist() == chosen.tolist()
    assert np.array_equal(source.data.images[chosen], train.images[chosen])
    others = np.flatnonzero(~source.lossless)
    assert np.array_equal(source.data.images[others], encoded.images[others])
    assert "3 of them lossless" in source.description


def test_without_lossless_records_nothing_is_called_lossless(
    tmp_path: Path, train: LabelledImages, held: LabelledImages
) -> None:
    as_folder(binary(train, held), tmp_path)
    assert load_lossless(tmp_path) is None
    assert not load_training(tmp_path).lossless.any()


def test_encoded_images_are_the_files_as_they_are(
    tmp_path: Path, train: LabelledImages, held: LabelledImages
) -> None:
    files = images(train, held)
    found = list(encoded_images(as_folder(files, tmp_path), "test"))
    assert sorted(raw for raw, _ in found) == sorted(
        content for name, content in files.items() if "/test/" in name
    )
    assert {label for _, label in found} <= set(CLASSES)


def drop_batch(files: Files) -> Files:
    return {name: content for name, content in files.items() if not name.endswith("data_batch_4.bin")}


def cut(name: str) -> Callable[[Files], Files]:
    return lambda files: files | {name: files[name][:-5]}


@pytest.mark.parametrize(
    ("layout", "damage", "message"),
    [
        (binary, drop_batch, r"data_batch_4\.bin missing"),
        (binary, cut("cifar-10-batches-bin/data_batch_2.bin"), r"data_batch_2\.bin: 9214 bytes are not"),
        (python, cut("cifar-10-batches-py/data_batch_3"), r"data_batch_3: not a CIFAR-10 python batch"),
        (images, lambda files: {n: c[:40] for n, c in files.items()}, r"\.png: not a whole JPEG or PNG"),
        (images, lambda _: {"notes.txt": b"none"}, r"no CIFAR-10 train split there: expected"),
    ],
)
def test_damage_is_named(
    layout: Callable[[LabelledImages, LabelledImages], Files],
    damage: Callable[[Files], Files],
    message: str,
    tmp_path: Path,
    train: LabelledImages,
    held: LabelledImages,
) -> None:
    as_folder(damage(layout(train, held)), tmp_path)
    with pytest.raises(DatasetError, match=message):
        load_split(tmp_path, "train")


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz"])
def test_a_cut_archive_is_named(
    suffix: str, tmp_path: Path, train: LabelledImages, held: LabelledImages
) -> None:
    path = as_archive(binary(train, held), tmp_path, suffix)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DatasetError, match="not a whole tar archive"):
        load_split(path, "train")


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, train: LabelledImages, held: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filetree, "MAX_ARCHIVE_BYTES", 10_000)
    path = as_archive(binary(train, held), tmp_path, ".tar.gz")
    with pytest.raises(DatasetError, match="holds more than 10000 bytes"):
        load_split(path, "train")


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "cat"
    folder.mkdir(parents=True)
    Image.new("RGB", (40, 32)).save(folder / "wide.png")
    with pytest.raises(DatasetError, match=r"wide\.png: is 40x32, expected 32x32"):
        load_split(tmp_path, "train")


def test_links_are_not_followed(tmp_path: Path, train: LabelledImages, held: LabelledImages) -> None:
    outside = as_folder(binary(train, held), tmp_path / "outside")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "cifar-10-batches-bin").symlink_to(outside / "cifar-10-batches-bin")
    with pytest.raises(DatasetError, match="no CIFAR-10 train split there"):
        load_split(inside, "train")


def test_a_missing_path_says_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="does not exist; give --data or set CIFAR10_DIR"):
        load_split(tmp_path / "absent", "train")
