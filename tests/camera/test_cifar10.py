from __future__ import annotations

import io
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from camera.picture import Picture, Pixels
from camera.sources.cifar10 import Cifar10Source
from camera.sources.cifar10_layout import Split
from camera.sources.cifar10_pickle import PickleRefusedError, load_official
from camera.sources.source import SourceUnavailableError
from tests.camera.fakes import Events, take
from tests.camera.pictures import (
    NAMES,
    batches,
    binary_files,
    python_files,
    rgb_of,
    write_archive,
    write_folder,
)
from tests.data import BINARY, RECORD_BYTES

Make = Callable[[Path], Path]

PLACES: dict[str, Make] = {
    "binary folder": lambda p: write_folder(p / "cifar-10-batches-bin", binary_files()),
    "python folder": lambda p: write_folder(p / "cifar-10-batches-py", python_files()),
    "folder with other name": lambda p: write_folder(p / "mine", binary_files()),
    "holds the binary folder": lambda p: write_folder(p / "cifar-10-batches-bin", binary_files()).parent,
    "holds the python folder": lambda p: write_folder(p / "cifar-10-batches-py", python_files()).parent,
    "binary archive": lambda p: write_archive(p / "b.tar.gz", "cifar-10-batches-bin", binary_files()),
    "python archive": lambda p: write_archive(p / "p.tar.gz", "cifar-10-batches-py", python_files()),
    "holds the binary archive": lambda p: (
        write_archive(p / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", binary_files()).parent
    ),
    "holds the python archive": lambda p: (
        write_archive(p / "cifar-10-python.tar.gz", "cifar-10-batches-py", python_files()).parent
    ),
}


def pairs(pictures: list[Picture]) -> list[tuple[bytes, str | None]]:
    return [(p.rgb, p.label) for p in pictures if isinstance(p, Pixels)]


def expected(split: Split) -> list[tuple[bytes, str | None]]:
    stems = ["test_batch"] if split == "test" else [f"data_batch_{n}" for n in range(1, 6)]
    return [(rgb_of(record), NAMES[record[0]]) for stem in stems for record in batches()[stem]]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("split", ["test", "train"])
async def test_every_layout_gives_the_split_in_file_order(tmp_path: Path, place: Make, split: Split) -> None:
    assert pairs(await take(Cifar10Source(place(tmp_path), split, Events()))) == expected(split)


async def test_names_come_from_the_data_set(tmp_path: Path) -> None:
    files = binary_files() | {"batches.meta.txt": "\n".join(name.upper() for name in NAMES).encode()}
    pictures = await take(Cifar10Source(write_folder(tmp_path, files), "test", Events()))
    assert {p.label for p in pictures} <= {name.upper() for name in NAMES}


async def test_class_five_is_dog_when_the_list_is_missing(tmp_path: Path) -> None:
    files = binary_files()
    del files["batches.meta.txt"]
    files["test_batch.bin"] = bytes([5]) + bytes(3072)
    pictures = await take(Cifar10Source(write_folder(tmp_path, files), "test", Events()))
    assert [p.label for p in pictures] == ["dog"]


def without(name: str) -> Make:
    return lambda p: write_folder(p, {k: v for k, v in binary_files().items() if k != name})


def with_(name: str, content: bytes, files: Callable[[], dict[str, bytes]] = binary_files) -> Make:
    return lambda p: write_folder(p, files() | {name: content})


def cut_archive(path: Path) -> Path:
    archive = write_archive(path / "c.tar.gz", "x", binary_files())
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    return archive


def text_file(path: Path) -> Path:
    (path / "c.tar.gz").write_text("<html>not found</html>")
    return path / "c.tar.gz"


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda p: p / "nowhere", "does not exist"),
        (lambda p: p, "holds neither cifar-10-batches-bin"),
        (without("test_batch.bin"), "test_batch.bin is missing"),
        (with_("test_batch.bin", binary_files()["test_batch.bin"][:-1]), "ends within record 3"),
        (with_("test_batch.bin", bytes([10]) + bytes(3072)), "record 0: label 10, expected 0 to 9"),
        (with_("batches.meta.txt", b"cat\ndog\n"), "lists 2 names, not 10"),
        (with_("test_batch", b"", python_files), "not a pickle"),
        (
            with_("test_batch", python_files()["test_batch"][:-500], python_files),
            "not a pickle, or cut short",
        ),
        (with_("test_batch", pickle.dumps([1, 2], 2), python_files), "not a dictionary"),
        (with_("test_batch", pickle.dumps({"labels": [1]}, 2), python_files), "do not fit"),
        (with_("test_batch", pickle.dumps({"data": b"abc"}, 2), python_files), "no list 'labels'"),
        (cut_archive, "damaged"),
        (text_file, "not a tar archive"),
        (lambda p: write_archive(p / "c.tar.gz", "x", {"readme.html": b"hi"}), "none of the official files"),
    ],
)
async def test_broken_data_sets_are_named(tmp_path: Path, make: Make, part: str) -> None:
    with pytest.raises(SourceUnavailableError, match=part):
        await take(Cifar10Source(make(tmp_path), "test", Events()))


async def test_an_archive_writes_nothing_and_follows_no_links(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        for name in ("../../escaped", "/tmp/absolute", "cifar-10-batches-bin/data_batch_1.bin"):
            member = tarfile.TarInfo(name)
            member.size = 3073
            tar.addfile(member, io.BytesIO(bytes(3073)))
    with pytest.raises(SourceUnavailableError, match=r"test_batch\.bin is missing"):
        await take(Cifar10Source(archive, "test", Events()))
    assert [path.name for path in tmp_path.iterdir()] == ["evil.tar.gz"]


class Exploit:
    """A pickle that would run a command."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch /tmp/camera-pickle-ran",)


@pytest.mark.parametrize(
    "evil",
    [
        pickle.dumps({b"data": Exploit()}, 2),
        pickle.dumps({b"data": Exploit()}, 5),
        b"cbuiltins\neval\n(U\x011tR.",
        b"cnumpy\nload\n(U\x01xtR.",
        b"c__builtin__\ngetattr\n(cnumpy\nndarray\nU\x01xtR.",
        b"c_codecs\nencode\n(X\x01\x00\x00\x00xX\x03\x00\x00\x00zlitR.",
    ],
)
def test_a_pickle_calls_nothing(evil: bytes) -> None:
    Path("/tmp/camera-pickle-ran").unlink(missing_ok=True)
    with pytest.raises(PickleRefusedError):
        load_official(evil)
    assert not Path("/tmp/camera-pickle-ran").exists()


def test_pickles_that_todays_numpy_writes_are_read_as_well() -> None:
    rows = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    content = load_official(pickle.dumps({b"data": rows, b"labels": [1, 2]}, 2))
    assert content == {"data": rows.tobytes(), "labels": [1, 2]}


@pytest.mark.parametrize("array", [np.zeros((1, 3072), np.float32), np.zeros((3072, 2), np.uint8).T])
def test_other_arrays_are_refused(array: np.ndarray) -> None:
    with pytest.raises(PickleRefusedError, match="an array"):
        load_official(pickle.dumps({b"data": array, b"labels": [1]}, 2))


async def test_the_true_data_set(cifar10: Path) -> None:
    content = (cifar10 / BINARY / "test_batch.bin").read_bytes()
    records = [content[at : at + RECORD_BYTES] for at in range(0, 50 * RECORD_BYTES, RECORD_BYTES)]
    pictures = await take(Cifar10Source(cifar10, "test", Events()), 50)
    assert pairs(pictures) == [(rgb_of(r), NAMES[r[0]]) for r in records]
