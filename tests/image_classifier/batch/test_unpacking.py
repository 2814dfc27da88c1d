"""Compressed tars in the folder of work: whole and on the disk before they are used, and of a size that fits."""

from __future__ import annotations

import errno
import gzip
import lzma
import os
from pathlib import Path

import pytest

from image_classifier.batch import archives
from image_classifier.batch import journal as journals
from image_classifier.batch.entries import list_entries
from image_classifier.batch.errors import BatchError
from image_classifier.batch.reading import PictureReader
from tests.image_classifier.batch.test_entries import read, tar


def test_a_bomb_is_cut_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_ANY_TAR_BYTES", 1 << 20)
    (tmp_path / "in").mkdir()
    bomb = lzma.compress(tar({"a.png": b"one", "zeros.png": bytes(30 << 20)}))
    (tmp_path / "in" / "x.tar.xz").write_bytes(bomb)
    first, *_, last = list_entries(tmp_path / "in", tmp_path).entries
    with PictureReader() as reader:
        assert read(reader, first) == b"one"
    limit = max(1 << 20, 100 * len(bomb))
    assert last.reason == "damaged_archive"
    assert last.detail == f"it unpacks to more than {limit} bytes; what follows is not scored"
    assert sum(file.stat().st_size for file in tmp_path.glob("*.tar")) <= limit


def test_a_large_archive_of_pictures_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_ANY_TAR_BYTES", 0)
    (tmp_path / "in").mkdir()
    pictures = {f"{number}.png": os.urandom(700) for number in range(200)}
    (tmp_path / "in" / "x.tar.gz").write_bytes(gzip.compress(tar(pictures)))
    assert len(list_entries(tmp_path / "in", tmp_path).entries) == 200


def test_it_is_on_the_disk_before_the_journal_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(tar({"a.png": b"one"})))
    synced: list[str] = []
    true_fsync = os.fsync

    def fsync(opened: int) -> None:
        synced.append(Path(f"/proc/self/fd/{opened}").readlink().name)
        true_fsync(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    work = tmp_path / "r.work"
    with journals.locked(work):
        journal = journals.open_journal(work, tmp_path / "x.tar.gz", {}, 1)
    (unpacked,) = {Path(entry.path) for entry in journal.entries}
    assert unpacked.parent == work
    assert synced.index(f"{unpacked.name}.new") < synced.index("journal.jsonl.new")
    assert not list(work.glob("*.new"))


def test_one_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    source, work = tmp_path / "x.tar.gz", tmp_path / "r.work"
    source.write_bytes(gzip.compress(tar({"a.png": b"one"})))
    with journals.locked(work):
        journal = journals.open_journal(work, source, {}, 1)
        unpacked = Path(journal.entries[0].path)
        assert journals.open_journal(work, source, {}, 1) == journal
        unpacked.write_bytes(unpacked.read_bytes()[:600])
        with pytest.raises(BatchError, match=f"{unpacked}: has changed since the work began"):
            journals.open_journal(work, source, {}, 1)


def test_no_room_is_told(tmp_path: Path) -> None:
    source = tmp_path / "x.tar.gz"
    source.write_bytes(gzip.compress(tar({"a.png": b"one"})))
    with pytest.raises(
        BatchError, match=r"/proc: cannot hold the unpacked .*x.tar.gz: .*free room, or unpack"
    ):
        list_entries(source, Path("/proc"))


def test_a_disk_that_cannot_be_read_is_not_taken_for_one_that_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "x.tar.gz"
    source.write_bytes(gzip.compress(tar({"a.png": b"one"})))

    def refuse(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(gzip.GzipFile, "read", refuse)
    (bad,) = list_entries(tmp_path / "in", tmp_path).entries
    assert (bad.reason, bad.detail) == ("unreadable", "Input/output error")
