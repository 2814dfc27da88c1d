"""What zip and tar archives hold, without unpacking their pictures.

A compressed tar cannot be read from its middle, so it is unpacked once, as a plain tar, into the work folder: several
processes can then read it, and a kill later costs none of it.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from image_classifier.batch.errors import BatchError
from image_classifier.batch.whole_file import write_whole

ZIP_SUFFIX = ".zip"
_COMPRESSED: dict[str, Callable[[Path], Any]] = {
    ".tar.gz": gzip.open,
    ".tgz": gzip.open,
    ".tar.bz2": bz2.open,
    ".tbz2": bz2.open,
    ".tar.xz": lzma.open,
    ".txz": lzma.open,
}
_ENCRYPTED = 0x1
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of these, `zipfile` unpacks what it is asked for and no more; others in blocks that may hold gigabytes."""
_BLOCK_BYTES = 1 << 16
"""What is lost before the place of a damage, at most."""
_ANY_TAR_BYTES = 1 << 30
_UNPACKS_AT_MOST = 100
"""A compressed tar may unpack to the larger of both: bytes, or times its own size. Pictures hardly shrink."""
DAMAGED = "damaged_archive"
UNSUPPORTED = "unsupported"
DECODER_ERRORS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    IndexError,  # tarfile, of a sparse file's header without what must follow it
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""What the standard library's readers raise for a damaged archive, beside OSError."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, or (`reason` set) why one, or without `name` the rest, cannot be read.

    file: what is to be opened for it; position, size: see `entries.Entry`.
    """

    file: Path
    name: str
    position: int = 0
    size: int = 0
    reason: str = ""
    detail: str = ""


def is_archive(file: Path) -> bool:
    name = file.name.lower()
    return name.endswith((ZIP_SUFFIX, ".tar", *_COMPRESSED))


def members(file: Path, work: Path) -> Iterator[Member]:
    """The files of an archive in its own order; a damaged one ends with the member that says so.

    Raises:
        OSError: the archive cannot be read.
        BatchError: the work folder has no room for what is unpacked.
    """
    if file.name.lower().endswith(ZIP_SUFFIX):
        yield from _zip_members(file)
        return
    damage = ""
    opener = next((opened for end, opened in _COMPRESSED.items() if file.name.lower().endswith(end)), None)
    plain = file
    if opener is not None:
        plain = work / f"{sha256(str(file).encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.tar"
        damage = _unpack(file, plain, opener)
    yield from _tar_members(plain, damage)


def _zip_members(file: Path) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except DECODER_ERRORS as error:
        yield Member(file, "", reason=DAMAGED, detail=_text(error))
        return
    for number, info in enumerate(infos):
        if info.is_dir():
            continue
        if info.flag_bits & _ENCRYPTED:
            yield Member(file, info.filename, reason="encrypted", detail="the member needs a password")
        elif info.compress_type not in _BOUNDED:
            detail = f"compressed by method {info.compress_type}; stored and deflated members are read"
            yield Member(file, info.filename, reason=UNSUPPORTED, detail=detail)
        else:
            yield Member(file, info.filename, number, info.file_size)


def _unpack(file: Path, plain: Path, opener: Callable[[Path], Any]) -> str:
    """Write the tar without its compression; what came before damage is kept. Returns what is damaged."""
    blocks = _Unpacked(max(_ANY_TAR_BYTES, _UNPACKS_AT_MOST * file.stat().st_size))

    def write(path: Path) -> None:
        with path.open("wb") as target:
            for block in blocks.of(source):
                target.write(block)

    with opener(file) as source:
        try:
            write_whole(plain, write)
        except BatchError as error:
            problem = f"cannot hold the unpacked {file}: {error}"
            raise BatchError(f"{plain.parent}: {problem}; free room, or unpack it yourself") from None
    if blocks.unreadable is not None:
        raise blocks.unreadable
    return blocks.damage


@dataclass(slots=True)
class _Unpacked:
    """The bytes of a compressed tar up to its end, or to what `damage` or `unreadable` tells.

    limit: bytes after which it is no archive of pictures but a bomb.
    """

    limit: int
    damage: str = ""
    unreadable: OSError | None = None

    def of(self, source: Any) -> Iterator[bytes]:
        size = 0
        while True:
            try:
                block = source.read(_BLOCK_BYTES)
            except DECODER_ERRORS as error:
                self.damage = _text(error)
                return
            except OSError as error:
                if error.errno is None:  # gzip and bz2 tell of damage by an OSError without a number
                    self.damage = _text(error)
                else:
                    self.unreadable = error
                return
            size += len(block)
            if size > self.limit:
                self.damage = f"it unpacks to more than {self.limit} bytes"
                return
            if not block:
                return
            yield block


def _tar_members(file: Path, damage: str) -> Iterator[Member]:
    files: dict[str, Member] = {}
    try:
        with tarfile.open(file, "r:") as archive:
            for info in archive:
                if info.size < 0 or archive.offset < info.offset_data:
                    # The reader would come back to this header, for ever.
                    damage = damage or f"the header at byte {info.offset} states a wrong size"
                    break
                if not info.isdir():
                    files[info.name] = member = _tar_member(file, info, files)
                    yield member
                archive.members.clear()  # type: ignore[attr-defined]  # else all headers stay in memory
            else:
                damage = damage or _without_end(file, archive.offset)
    except (*DECODER_ERRORS, MemoryError) as error:  # a header of a long name may claim any size
        damage = damage or _text(error)
    if damage:
        yield Member(file, "", reason=DAMAGED, detail=f"{damage}; what follows is not scored")


def _tar_member(file: Path, info: tarfile.TarInfo, before: dict[str, Member]) -> Member:
    """Args: before: those that came before, by name, which hard links refer to."""
    if info.isfile() and not info.issparse():
        return Member(file, info.name, info.offset_data, info.size)
    if info.islnk():
        if (target := before.get(info.linkname)) is not None:
            return replace(target, name=info.name)
        detail = f"a hard link to {info.linkname!r}, which is not before it in the archive"
        return Member(file, info.name, reason=DAMAGED, detail=detail)
    what = "a sparse file" if info.isfile() else "a symbolic link" if info.issym() else "no regular file"
    return Member(file, info.name, reason=UNSUPPORTED, detail=what)


def _without_end(file: Path, offset: int) -> str:
    """What is wrong where the reader stopped: it takes a damaged header for the end and says nothing."""
    with file.open("rb") as raw:
        raw.seek(offset)
        block = raw.read(tarfile.BLOCKSIZE)
    if not block:
        return "there is no end-of-archive mark"
    return f"no header of a tar at byte {offset}" if block.strip(b"\0") else ""


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
