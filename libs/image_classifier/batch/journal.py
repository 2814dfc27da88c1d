"""The folder of work under way, beside the table that it will become: what is to be done, and the parts that are.

`RESULTS.work/` holds `journal.jsonl` (a header, then one line an entry), `lock`, unpacked archives and one file a
part. Every file gets its name only when it is whole and on the disk, so a kill at any time leaves what the next run can
use, and the next run scores the entries of the first one, in its parts.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from image_classifier.batch.entries import WORK_LOCK, WORK_SUFFIX, Entry, Listing, list_entries
from image_classifier.batch.errors import BatchError
from image_classifier.batch.whole_file import sync_folder, telling_of, write_whole

SCHEMA = "scoring-journal/1"
_JOURNAL = "journal.jsonl"
PART_ENTRIES = 1024
"""At most in one part: what a kill costs each worker."""
_PARTS_A_WORKER = 8
"""At least, so that no worker is long without work at the end."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What is to be done.

    identity: of this one list of work, no other has it; every part states it.
    part_entries: entries of each part but the last.
    """

    folder: Path
    identity: str
    entries: tuple[Entry, ...]
    part_entries: int
    ignored: dict[str, int]

    @property
    def parts(self) -> int:
        return -(-len(self.entries) // self.part_entries)

    def part(self, number: int) -> tuple[Entry, ...]:
        return self.entries[number * self.part_entries : (number + 1) * self.part_entries]

    def part_file(self, number: int) -> Path:
        return self.folder / f"part-{number:08d}.arrow"


def work_folder(out: Path) -> Path:
    return out.with_name(out.name + WORK_SUFFIX)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder and hold it for one run; the kernel lets go of it when that is killed.

    Raises:
        BatchError: another run holds it, or it cannot be made.
    """
    with _lock_of(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BatchError(f"{folder}: another run is at work there; wait for it, or end it") from None
        if not _is(lock, folder / WORK_LOCK):
            raise BatchError(f"{folder}: another run has just ended there; run the same command again")
        yield


def _lock_of(folder: Path) -> IO[str]:
    with telling_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / WORK_LOCK).open("w")


def _is(opened: IO[str], path: Path) -> bool:
    """Whether the file still has that name: what is held without it, keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(opened.fileno()), path.stat())
    except FileNotFoundError:
        return False


def open_journal(folder: Path, source: Path, about: dict[str, Any], workers: int) -> Journal:
    """The journal of the run that was stopped, or a new one.

    Args:
        folder: held by `locked`.
        source: the input, absolute.
        about: what must be the same for parts to belong together: bundle, runtime.
        workers: decides how small the parts of a small input are.

    Raises:
        BatchError: the work under way is another, or its input has changed; or there is nothing to score.
    """
    stated = {"schema": SCHEMA, "input": os.fsdecode(source), **about}
    file = folder / _JOURNAL
    if begun(folder):
        return _read(folder, file, stated)
    clear(folder)
    listing = list_entries(source, folder)
    part_entries = max(1, min(PART_ENTRIES, len(listing.entries) // (workers * _PARTS_A_WORKER)))
    identity = uuid.uuid4().hex
    _write(file, stated | {"work": identity}, listing, part_entries)
    return Journal(folder, identity, tuple(listing.entries), part_entries, dict(listing.ignored))


def begun(folder: Path) -> bool:
    """Whether there is work to go on with."""
    return (folder / _JOURNAL).exists()


def clear(folder: Path) -> None:
    """Forget what was done. The journal goes first: without it, what a kill leaves here is never taken for work."""
    with telling_of(folder):
        (folder / _JOURNAL).unlink(missing_ok=True)
        sync_folder(folder)
        for path in folder.iterdir():
            if path.name == WORK_LOCK:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def discard(folder: Path) -> None:
    """Forget what was done, and the folder too; it is held by `locked`, and the lock goes last."""
    clear(folder)
    with telling_of(folder):
        (folder / WORK_LOCK).unlink()
        try:
            folder.rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.ENOENT):  # those: another run has it already
                raise


def _write(file: Path, stated: dict[str, Any], listing: Listing, part_entries: int) -> None:
    header = stated | {
        "partEntries": part_entries,
        "containers": listing.containers,
        "ignored": listing.ignored,
    }

    def lines() -> Iterable[str]:
        yield json.dumps(header)
        yield from (json.dumps(entry.row()) for entry in listing.entries)

    def write(path: Path) -> None:
        with path.open("w", encoding="ascii") as out:
            out.writelines(f"{line}\n" for line in lines())

    write_whole(file, write)


def _read(folder: Path, file: Path, stated: dict[str, Any]) -> Journal:
    try:
        with file.open(encoding="ascii") as lines:
            header = json.loads(next(lines))
            entries = tuple(Entry.of_row(json.loads(line)) for line in lines)
        part_entries, ignored, identity = int(header["partEntries"]), header["ignored"], str(header["work"])
        containers = {Path(path): tuple(before) for path, before in header["containers"].items()}
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise BatchError(f"{file}: is no journal: {error}; begin anew with --restart") from None
    for key, value in stated.items():
        if header.get(key) != value:
            raise BatchError(
                f"{folder}: holds the work of another {key}: {header.get(key)!r}, now {value!r}; "
                "go on with that one, or begin anew with --restart"
            )
    for path, before in containers.items():
        _refuse_changed(path, before)
    return Journal(folder, identity, entries, part_entries, ignored)


def _refuse_changed(path: Path, before: tuple[int, ...]) -> None:
    try:
        about = path.stat()
    except OSError as error:
        raise BatchError(
            f"{path}: is gone since the work began ({error.strerror}); put it back, or begin anew with --restart"
        ) from None
    if (about.st_size, about.st_mtime_ns) != before:
        raise BatchError(f"{path}: has changed since the work began; begin anew with --restart")
