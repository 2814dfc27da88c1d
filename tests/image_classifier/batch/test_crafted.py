"""Archives that are made to harm: headers that claim what cannot be, members that are no pictures."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from image_classifier.batch.entries import Kind, list_entries
from image_classifier.batch.reading import PictureReader
from tests.data import random_records
from tests.image_classifier.batch.test_entries import read, tar

ENOUGH = 100
"""Entries after which a listing of three has no end."""


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """One that `tarfile` reads: sizes that octal digits cannot hold are written in base 256, as GNU tar does."""
    info = tarfile.TarInfo(name)
    info.type = kind
    raw = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    raw[124:136] = b"\xff" * 12 if size < 0 else b"\x80" + bytes(11)
    raw[125:136] = size.to_bytes(11, "big", signed=size < 0)
    raw[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(raw))[0]  # type: ignore[attr-defined]
    return bytes(raw)


def sparse(name: str, size: int, real: int, *, more: bool = False) -> bytes:
    """An old GNU sparse file: `size` is stored, `real` what the reader then states; `more`: another block follows."""
    raw = bytearray(header(name, size, tarfile.GNUTYPE_SPARSE))
    raw[482] = more
    raw[483:495] = b"%011o\0" % real
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % tarfile.calc_chksums(bytes(raw))[0]  # type: ignore[attr-defined]
    return bytes(raw)


GOOD = tar({"a.png": b"one"})[:1024]
CRAFTED = {
    "back to itself": header("b.png", -512),
    "to the end of the file": header("b.png", -1),
    "before the file": header("b.png", -(1 << 40)),
    "back to itself, sparse": sparse("b.png", -512, 5),
    "a seek that no file has": header("b.png", 1 << 80),
    "a long name that no memory holds": header("b.png", 1 << 80, tarfile.GNUTYPE_LONGNAME),
    "a long name before the file": header("b.png", -5120, tarfile.GNUTYPE_LONGNAME),
}


@pytest.mark.parametrize("crafted", CRAFTED)
def test_a_header_with_an_impossible_size_ends_the_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crafted: str
) -> None:
    true_next, count = tarfile.TarFile.next, [0]

    def bounded(self: tarfile.TarFile) -> tarfile.TarInfo | None:
        count[0] += 1
        assert count[0] < ENOUGH, "the listing has no end"
        return true_next(self)

    monkeypatch.setattr(tarfile.TarFile, "next", bounded)
    (tmp_path / "x.tar").write_bytes(GOOD + CRAFTED[crafted] + bytes(10_240))
    first, *_, last = list_entries(tmp_path / "x.tar", tmp_path).entries
    with PictureReader() as reader:
        assert read(reader, first) == b"one"
    assert (last.kind, last.name, last.reason) == (Kind.BAD, "x.tar", "damaged_archive")
    assert last.detail.endswith("what follows is not scored")


@pytest.mark.parametrize("rest", [b"", bytes(100)])
def test_a_sparse_header_without_what_must_follow_it_ends_the_listing(tmp_path: Path, rest: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(GOOD + sparse("b.png", 0, 5, more=True) + rest)
    first, *_, last = list_entries(tmp_path / "x.tar", tmp_path).entries
    assert (first.kind, first.name) == (Kind.TAR, "x.tar#a.png")
    assert (last.kind, last.name, last.reason) == (Kind.BAD, "x.tar", "damaged_archive")


def test_records_that_only_a_header_claims_are_one_bad_entry(tmp_path: Path) -> None:
    claimed = 3073 << 16
    (tmp_path / "x.tar").write_bytes(header("r.bin", claimed) + random_records(2) + bytes(7))
    *records, rest, damage = list_entries(tmp_path / "x.tar", tmp_path).entries
    assert [entry.name for entry in records] == ["x.tar#r.bin#0", "x.tar#r.bin#1"]
    assert (rest.kind, rest.name, rest.reason) == (Kind.BAD, "x.tar#r.bin", "truncated")
    assert rest.detail == f"{2 * 3073 + 7} of {claimed} bytes"
    assert damage.reason == "damaged_archive"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_cannot_be_unpacked_in_bounds_is_not_unpacked(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("bomb.png", bytes(10_000))
        archive.writestr("small.png", b"x", zipfile.ZIP_STORED)
    bomb, small = list_entries(tmp_path / "x.zip", tmp_path).entries
    assert (bomb.kind, bomb.name, bomb.reason) == (Kind.BAD, "x.zip#bomb.png", "unsupported")
    assert bomb.detail == f"compressed by method {method}; stored and deflated members are read"
    with PictureReader() as reader:
        assert read(reader, small) == b"x"
