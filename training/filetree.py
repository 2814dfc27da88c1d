"""Files of a folder or of an archive, read the same way.

An archive is read once, front to back, into memory: members of a compressed one cannot be reached
otherwise, and no file of it is ever written to disk.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from training.dataset import DatasetError

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar.xz", ".tar")
MAX_DEPTH = 4
"""How far below a folder its files are looked for."""
MAX_ARCHIVE_BYTES = 2 << 30
"""Unpacked size up to which an archive is read; CIFAR-10 has 0.18 GB."""


class FileTree(Protocol):
    """Files by their POSIX path below `origin`, sorted."""

    @property
    def origin(self) -> Path: ...

    @property
    def names(self) -> Sequence[PurePosixPath]: ...

    def read(self, name: PurePosixPath) -> bytes: ...


class FolderTree:
    """The files of a folder; links are not followed."""

    def __init__(self, origin: Path) -> None:
        self.origin = origin

    @cached_property
    def names(self) -> Sequence[PurePosixPath]:
        return sorted(
            PurePosixPath(p.relative_to(self.origin).as_posix()) for p in _files(self.origin, MAX_DEPTH)
        )

    def read(self, name: PurePosixPath) -> bytes:
        try:
            return (self.origin / name).read_bytes()
        except OSError as error:
            raise DatasetError(self.origin / name, f"cannot be read: {error.strerror}") from None


class ArchiveTree:
    """The regular files of a tar archive, plain, gzip or xz."""

    def __init__(self, origin: Path) -> None:
        self.origin = origin

    @cached_property
    def _members(self) -> dict[PurePosixPath, bytes]:
        members: dict[PurePosixPath, bytes] = {}
        size = 0
        try:
            with tarfile.open(self.origin) as archive:
                for member in archive:
                    size += member.size
                    if size > MAX_ARCHIVE_BYTES:
                        raise DatasetError(
                            self.origin, f"holds more than {MAX_ARCHIVE_BYTES} bytes: not CIFAR-10"
                        )
                    file = archive.extractfile(member) if member.isreg() else None
                    if file is not None:
                        members[PurePosixPath(member.name)] = file.read()
        except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
            raise DatasetError(self.origin, f"not a whole tar archive ({error}): fetch it again") from None
        return members

    @cached_property
    def names(self) -> Sequence[PurePosixPath]:
        return sorted(self._members)

    def read(self, name: PurePosixPath) -> bytes:
        return self._members[name]


def _files(folder: Path, depth: int) -> list[Path]:
    found: list[Path] = []
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise DatasetError(folder, f"cannot be listed: {error.strerror}") from None
    for entry in entries:
        if entry.is_symlink():
            continue
        if entry.is_dir() and depth > 1:
            found += _files(entry, depth - 1)
        elif entry.is_file():
            found.append(entry)
    return found
