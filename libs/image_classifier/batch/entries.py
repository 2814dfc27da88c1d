"""What is to be scored: one entry a picture, in an order that depends on nothing but the names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from image_classifier.batch import archives
from image_classifier.batch.errors import BatchError
from image_classifier.labelled import PICTURE_SUFFIXES, RECORD_BYTES

RECORD_SUFFIX = ".bin"
LINKED_FOLDER = "linked folder"
WORK_SUFFIX = ".work"
WORK_LOCK = "lock"
"""What a folder of work holds from its beginning to its end; with the suffix, it tells such a folder."""


class Kind(StrEnum):
    """How an entry's picture is read."""

    FILE = "file"
    ZIP = "zip"
    TAR = "tar"
    RECORD = "record"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture.

    name: what the table calls it: the path below INPUT, then `#` and the member or the number of the record.
    path: the file that holds it.
    position, size: ZIP: the number in the directory, bytes unpacked; TAR and
        RECORD: offset in `path` and bytes; of a BAD one, 0.
    reason, detail: why a BAD one cannot be read.
    """

    kind: Kind
    name: str
    path: str
    position: int = 0
    size: int = 0
    reason: str = ""
    detail: str = ""

    def row(self) -> list[str | int]:
        """As the journal keeps it; `of_row` reads it back."""
        return [self.kind, self.name, self.path, self.position, self.size, self.reason, self.detail]

    @classmethod
    def of_row(cls, row: list[str | int]) -> Entry:
        kind, name, path, position, size, reason, detail = row
        return cls(Kind(str(kind)), str(name), str(path), int(position), int(size), str(reason), str(detail))


@dataclass(slots=True)
class Listing:
    """All entries of one input.

    containers: archives, what of them was unpacked, and files of records, with their size in bytes and time of
        change in nanoseconds, by path.
    ignored: files that are no pictures, by suffix; folders of other work under way count as `.work`, links to
        folders, which may lead in a circle, as `linked folder`.
    """

    entries: list[Entry] = field(default_factory=list)
    containers: dict[str, tuple[int, int]] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)


def list_entries(source: Path, work: Path) -> Listing:
    """What `source` holds: a picture, an archive, a file of records, or a folder of all of them.

    Args:
        source: the input.
        work: the folder for what must be unpacked; nothing in it is listed.

    Raises:
        BatchError: there is nothing to score, or `source` itself cannot be read.
    """
    listing = Listing()
    if source.is_dir():
        for file in _walk(source, work, listing):
            _add_file(listing, file, _shown(os.path.relpath(file, source)), work)
    elif source.is_file():
        _add_file(listing, source, _shown(source.name), work)
        if all(entry.kind is Kind.BAD for entry in listing.entries) and listing.entries:
            raise BatchError(f"{source}: {listing.entries[0].detail}")
    else:
        raise BatchError(f"{source}: there is no such file or folder")
    if not listing.entries:
        raise BatchError(
            f"{source}: holds no pictures; expected .jpg, .jpeg or .png files, .zip or .tar archives of them, "
            "or CIFAR-10 records (.bin)"
        )
    return listing


def _walk(top: Path, work: Path, listing: Listing) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        path = str(error.filename or top)
        name = _shown(os.path.relpath(path, top))
        listing.entries.append(Entry(Kind.BAD, name, path, 0, 0, "unreadable", error.strerror or str(error)))

    ours = work.resolve()
    for folder, subfolders, files in os.walk(top, onerror=refused):
        inside = [Path(folder, name) for name in sorted(subfolders)]
        wanted = [path for path in inside if path.resolve() != ours]
        linked = [path for path in wanted if path.is_symlink()]
        work_under_way = [path for path in wanted if path not in linked and _is_work(path)]
        subfolders[:] = [path.name for path in wanted if path not in (*linked, *work_under_way)]
        for what, found in ((LINKED_FOLDER, linked), (WORK_SUFFIX, work_under_way)):
            if found:
                listing.ignored[what] += len(found)
        yield from (Path(folder, name) for name in sorted(files))


def _is_work(folder: Path) -> bool:
    """Whether another run keeps its unpacked archives there: their pictures are listed where they come from."""
    return folder.name.endswith(WORK_SUFFIX) and os.access(folder / WORK_LOCK, os.F_OK)


def _add_file(listing: Listing, file: Path, name: str, work: Path) -> None:
    suffix = file.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        listing.entries.append(Entry(Kind.FILE, name, str(file)))
    elif archives.is_archive(file):
        _add_container(listing, file, name, _archive_entries(file, name, work, listing))
    elif suffix == RECORD_SUFFIX:
        _add_container(listing, file, name, _file_of_records(file, name))
    else:
        listing.ignored[suffix or "no suffix"] += 1


def _add_container(listing: Listing, file: Path, name: str, entries: Iterator[Entry]) -> None:
    try:
        listing.containers[str(file)] = _size_and_time(file)
        listing.entries.extend(entries)
    except OSError as error:
        detail = error.strerror or str(error)
        listing.entries.append(Entry(Kind.BAD, name, str(file), 0, 0, "unreadable", detail))


def _size_and_time(file: Path) -> tuple[int, int]:
    about = file.stat()
    return about.st_size, about.st_mtime_ns


def _file_of_records(file: Path, name: str) -> Iterator[Entry]:
    yield from _record_entries(str(file), name, 0, file.stat().st_size)


def _archive_entries(file: Path, name: str, work: Path, listing: Listing) -> Iterator[Entry]:
    for member in archives.members(file, work):
        if member.file != file and str(member.file) not in listing.containers:
            listing.containers[str(member.file)] = _size_and_time(member.file)
        shown = f"{name}#{_shown(member.name)}" if member.name else name
        suffix = Path(member.name).suffix.lower()
        in_zip = file.suffix.lower() == archives.ZIP_SUFFIX
        if suffix == RECORD_SUFFIX and not (in_zip or member.reason):
            yield from _records_of(member, shown)
        elif member.name and suffix not in PICTURE_SUFFIXES:
            listing.ignored[suffix or "no suffix"] += 1
        elif member.reason:
            yield Entry(Kind.BAD, shown, str(file), 0, 0, member.reason, member.detail)
        else:
            kind = Kind.ZIP if in_zip else Kind.TAR
            yield Entry(kind, shown, str(member.file), member.position, member.size)


def _records_of(member: archives.Member, name: str) -> Iterator[Entry]:
    """Those that the tar really holds: its header may claim any number."""
    held = max(0, member.file.stat().st_size - member.position)
    if member.size <= held:
        yield from _record_entries(str(member.file), name, member.position, member.size)
        return
    if whole := held // RECORD_BYTES * RECORD_BYTES:
        yield from _record_entries(str(member.file), name, member.position, whole)
    detail = f"{held} of {member.size} bytes"
    yield Entry(Kind.BAD, name, str(member.file), 0, 0, "truncated", detail)


def _record_entries(path: str, name: str, offset: int, size: int) -> Iterator[Entry]:
    if size == 0 or size % RECORD_BYTES:
        detail = f"{size} bytes are not a whole number of CIFAR-10 records of {RECORD_BYTES} bytes"
        yield Entry(Kind.BAD, name, path, 0, 0, "truncated", detail)
        return
    for number in range(size // RECORD_BYTES):
        position = offset + number * RECORD_BYTES
        yield Entry(Kind.RECORD, f"{name}#{number}", path, position, RECORD_BYTES)


def _shown(name: str) -> str:
    """A name that any table can hold: bytes that are no UTF-8 are written as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
