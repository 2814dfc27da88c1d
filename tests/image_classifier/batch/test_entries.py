"""What a listing finds: order, names, archives sound and damaged. Reading gives the bytes that were put in."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from image_classifier.batch.entries import Entry, Kind, list_entries
from image_classifier.batch.errors import BatchError, UnscoredError
from image_classifier.batch.journal import locked
from image_classifier.batch.reading import PictureReader
from image_classifier.decoding import DecodeLimits
from tests.image_classifier.test_labelled import record

PICTURES = {
    "b/two.jpg": b"two",
    "a.png": b"one",
    "b/three.JPEG": b"three",
    "notes.txt": b"x",
    "Makefile": b"y",
}


def names(source: Path, work: Path) -> list[str]:
    return [entry.name for entry in list_entries(source, work).entries]


def contents(source: Path, work: Path) -> dict[str, object]:
    with PictureReader() as reader:
        return {entry.name: read(reader, entry) for entry in list_entries(source, work).entries}


def read(reader: PictureReader, entry: Entry) -> object:
    try:
        return reader.read(entry)[0]
    except UnscoredError as error:
        return error.reason


def tar(files: dict[str, bytes], **options: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_a_folder_is_listed_by_name_whatever_the_disk_s_order(tmp_path: Path) -> None:
    for name, content in PICTURES.items():
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    listing = list_entries(tmp_path / "in", tmp_path / "work")
    assert [entry.name for entry in listing.entries] == ["a.png", "b/three.JPEG", "b/two.jpg"]
    assert listing.ignored == {".txt": 1, "no suffix": 1}
    assert contents(tmp_path / "in", tmp_path / "work") == {
        "a.png": b"one",
        "b/three.JPEG": b"three",
        "b/two.jpg": b"two",
    }


def test_the_work_folder_is_no_input(tmp_path: Path) -> None:
    work = tmp_path / "in" / "results.work"
    work.mkdir(parents=True)
    (work / "0.tar").write_bytes(tar(PICTURES))
    (tmp_path / "in" / "a.png").write_bytes(b"one")
    assert names(tmp_path / "in", work) == ["a.png"]


@pytest.mark.parametrize("way", ["link/results.work", "in/sub/../results.work"])
def test_the_work_folder_is_no_input_whatever_way_leads_there(tmp_path: Path, way: str) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "results.work").mkdir()
    # Listed before the work folder: what is unpacked there would be found afterwards.
    (tmp_path / "in" / "all.tar.gz").write_bytes(gzip.compress(tar({"a.png": b"one"})))
    assert names(tmp_path / "in", tmp_path / way) == ["all.tar.gz#a.png"]


def test_work_of_another_run_is_no_input_and_is_told(tmp_path: Path) -> None:
    other = tmp_path / "in" / "other.parquet.work"
    with locked(other):
        (other / "0.tar").write_bytes(tar(PICTURES))
        (tmp_path / "in" / "own.work").mkdir()
        (tmp_path / "in" / "own.work" / "a.png").write_bytes(b"a folder that is only called so")
        listing = list_entries(tmp_path / "in", tmp_path / "work")
    assert [entry.name for entry in listing.entries] == ["own.work/a.png"]
    assert listing.ignored == {".work": 1}


def test_linked_folders_are_not_walked_and_are_told(tmp_path: Path) -> None:
    (tmp_path / "in" / "real").mkdir(parents=True)
    (tmp_path / "in" / "real" / "a.png").write_bytes(b"one")
    (tmp_path / "in" / "real" / "circle").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "linked").symlink_to("real")
    (tmp_path / "in" / "b.png").symlink_to("real/a.png")
    listing = list_entries(tmp_path / "in", tmp_path / "work")
    assert [entry.name for entry in listing.entries] == ["b.png", "real/a.png"]
    assert listing.ignored == {"linked folder": 2}


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}


@pytest.mark.parametrize("suffix", [*PACKERS, ".zip"])
def test_archives_hold_pictures_in_their_own_order(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"all{suffix}"
    if suffix == ".zip":
        write_zip(path, PICTURES)
    else:
        path.write_bytes(PACKERS[suffix](tar(PICTURES)))
    listing = list_entries(path, tmp_path)
    assert contents(path, tmp_path) == {
        f"{path.name}#b/two.jpg": b"two",
        f"{path.name}#a.png": b"one",
        f"{path.name}#b/three.JPEG": b"three",
    }
    assert [entry.name for entry in listing.entries] == list(contents(path, tmp_path))
    assert listing.ignored == {".txt": 1, "no suffix": 1}
    unpacked = {entry.path for entry in listing.entries} - {str(path)}
    assert len(unpacked) == (suffix not in (".tar", ".zip"))
    assert set(listing.containers) == {str(path), *unpacked}
    assert all(listing.containers[name][0] == Path(name).stat().st_size for name in unpacked)


def test_records_lie_in_files_and_in_tars_as_the_official_archive_has_them(tmp_path: Path) -> None:
    batch = record(2, (1, 2, 3)) + record(1, (4, 5, 6))
    (tmp_path / "cifar.tar.gz").write_bytes(gzip.compress(tar({"batches/test.bin": batch})))
    (tmp_path / "one.bin").write_bytes(batch)
    (tmp_path / "torn.bin").write_bytes(batch[:-1])
    (tmp_path / "work").mkdir()
    entries = list_entries(tmp_path, tmp_path / "work").entries
    assert [entry.name for entry in entries] == [
        "cifar.tar.gz#batches/test.bin#0",
        "cifar.tar.gz#batches/test.bin#1",
        "one.bin#0",
        "one.bin#1",
        "torn.bin",
    ]
    with PictureReader() as reader:
        for entry, label, colour in zip(entries, (2, 1, 2, 1), ((1, 2, 3), (4, 5, 6)) * 2, strict=False):
            picture, truth = reader.read(entry)
            assert truth == label
            assert isinstance(picture, np.ndarray)
            assert (picture == colour).all()
        assert read(reader, entries[4]) == "truncated"


DAMAGES: dict[str, tuple[bytes, str]] = {
    "cut in a header": (tar({"a.png": b"one", "b.png": b"two"})[:1400], "end-of-archive|truncated|header"),
    "cut after a picture": (tar({"a.png": b"one", "b.png": b"two"})[:1024], "no end-of-archive mark"),
    "overwritten header": (
        tar({"a.png": b"one", "b.png": b"two"}).replace(b"b.png", b"c.png"),
        "no header of a tar at byte 1024",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("pack", [".tar", ".tar.gz"])
def test_a_damaged_tar_gives_what_came_before_and_says_so(tmp_path: Path, damage: str, pack: str) -> None:
    content, said = DAMAGES[damage]
    (tmp_path / f"x{pack}").write_bytes(PACKERS[pack](content))
    first, last = list_entries(tmp_path / f"x{pack}", tmp_path).entries
    assert first.name == f"x{pack}#a.png"
    assert (last.kind, last.name, last.reason) == (Kind.BAD, f"x{pack}", "damaged_archive")
    assert re.search(said, last.detail)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz"])
def test_a_cut_compressed_tar_gives_what_came_before(tmp_path: Path, suffix: str) -> None:
    many = {f"{number}.png": os.urandom(9_000) for number in range(30)}
    (tmp_path / "x").mkdir()
    whole = PACKERS[suffix](tar(many))
    (tmp_path / "x" / f"x{suffix}").write_bytes(whole[: len(whole) * 2 // 3])
    *good, last = list_entries(tmp_path / "x", tmp_path).entries
    assert last.reason == "damaged_archive"
    assert 10 <= len(good) < 30
    assert contents(tmp_path / "x", tmp_path)[good[0].name] == many["0.png"]


def linked(path: Path, *links: tuple[str, bytes, str]) -> None:
    """A tar of one picture, one file of records and of `links`: name, type, target."""
    with tarfile.open(path, "w") as archive:
        for name, content in {"d/a.png": b"one", "r.bin": record(3, (1, 2, 3))}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)


def test_a_hard_link_in_a_tar_is_the_picture_that_it_names(tmp_path: Path) -> None:
    hard = tarfile.LNKTYPE
    linked(tmp_path / "x.tar", ("b.png", hard, "d/a.png"), ("c.png", hard, "b.png"), ("s.bin", hard, "r.bin"))
    found = contents(tmp_path / "x.tar", tmp_path)
    assert list(found) == [f"x.tar#{name}" for name in ("d/a.png", "r.bin#0", "b.png", "c.png", "s.bin#0")]
    assert found["x.tar#b.png"] == found["x.tar#c.png"] == b"one"
    np.testing.assert_array_equal(found["x.tar#s.bin#0"], found["x.tar#r.bin#0"])


def test_members_of_a_tar_that_are_no_files_are_told(tmp_path: Path) -> None:
    linked(
        tmp_path / "x.tar",
        ("soft.png", tarfile.SYMTYPE, "d/a.png"),
        ("lost.png", tarfile.LNKTYPE, "gone.png"),
        ("pipe.png", tarfile.FIFOTYPE, ""),
        ("folder.png", tarfile.DIRTYPE, ""),
        ("current", tarfile.SYMTYPE, "d"),
    )
    listing = list_entries(tmp_path / "x.tar", tmp_path)
    assert [(entry.name, entry.reason, entry.detail) for entry in listing.entries[2:]] == [
        ("x.tar#soft.png", "unsupported", "a symbolic link"),
        (
            "x.tar#lost.png",
            "damaged_archive",
            "a hard link to 'gone.png', which is not before it in the archive",
        ),
        ("x.tar#pipe.png", "unsupported", "no regular file"),
    ]
    assert listing.ignored == {"no suffix": 1}


def test_members_of_a_zip_that_cannot_be_read_are_told_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    write_zip(path, {"good.png": b"good" * 99, "bad.png": b"bad!" * 99, "locked.png": b"x"})
    raw = bytearray(path.read_bytes())
    place = raw.index(b"bad.png") + len("bad.png")
    raw[place] ^= 0xFF
    locked = raw.rindex(b"locked.png")
    raw[locked - 46 + 8] |= 1  # the general purpose flags of the central directory
    path.write_bytes(raw)
    assert contents(path, tmp_path) == {
        "x.zip#good.png": b"good" * 99,
        "x.zip#bad.png": "damaged_archive",
        "x.zip#locked.png": "encrypted",
    }


def test_what_unpacks_to_more_than_a_picture_may_have_is_not_unpacked(tmp_path: Path) -> None:
    write_zip(tmp_path / "x.zip", {"bomb.png": bytes(10_000)})
    (tmp_path / "x.tar").write_bytes(tar({"large.png": bytes(10_000)}))
    (tmp_path / "large.png").write_bytes(bytes(10_000))
    with PictureReader(DecodeLimits(max_bytes=9_999)) as reader:
        for entry in list_entries(tmp_path, tmp_path / "work").entries:
            with pytest.raises(UnscoredError, match="too_large: 10000 bytes; at most 9999 are read"):
                reader.read(entry)


def test_a_pipe_and_a_file_that_is_gone_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with PictureReader() as reader:
        found = [read(reader, entry) for entry in list_entries(tmp_path, tmp_path / "work").entries]
    assert found == ["unreadable", "unreadable"]


def test_a_name_that_is_no_utf_8_is_shown_with_escapes_and_read(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123 - a name of bytes
        file.write(b"one")
    assert contents(tmp_path, tmp_path / "work") == {"caf\\xe9.png": b"one"}
    (entry,) = list_entries(tmp_path, tmp_path / "work").entries
    assert Entry.of_row(entry.row()) == entry


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("gone", None, "there is no such file or folder"),
        ("empty", b"", "holds no pictures; expected .jpg"),
        ("x.zip", b"no zip", "File is not a zip file"),
        ("x.tar", b"no tar" * 999, "header"),
        ("x.tar.xz", b"no xz", "Input format not supported"),
        ("x.bin", b"123", "3 bytes are not a whole number of CIFAR-10 records of 3073 bytes"),
    ],
)
def test_an_input_that_holds_nothing_is_refused(
    tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BatchError, match=problem):
        list_entries(tmp_path / name, tmp_path)
