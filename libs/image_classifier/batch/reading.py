"""Entry -> picture. Any process may read any entry; an archive that was opened stays open for the next one."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Self

from image_classifier.batch.archives import DAMAGED, DECODER_ERRORS
from image_classifier.batch.entries import Entry, Kind
from image_classifier.batch.errors import UnscoredError
from image_classifier.decoding import DecodeLimits
from image_classifier.errors import BadImageReason
from image_classifier.labelled import record_pixels
from image_classifier.preprocess import Picture


class PictureReader:
    """Reads pictures one by one; close it, or use it as a context manager."""

    def __init__(self, limits: DecodeLimits | None = None) -> None:
        self._max_bytes = (limits or DecodeLimits()).max_bytes
        self._zip: tuple[str, zipfile.ZipFile] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._zip is not None:
            self._zip[1].close()
            self._zip = None

    def read(self, entry: Entry) -> tuple[Picture, int | None]:
        """The picture, and the number of its true label where the entry is a record.

        Raises:
            UnscoredError: it cannot be read.
        """
        try:
            return self._read(entry)
        except OSError as error:
            raise UnscoredError("unreadable", error.strerror or str(error)) from None

    def _read(self, entry: Entry) -> tuple[Picture, int | None]:
        match entry.kind:
            case Kind.BAD:
                raise UnscoredError(entry.reason, entry.detail)
            case Kind.FILE:
                return self._file(Path(entry.path)), None
            case Kind.ZIP:
                self._refuse_too_large(entry.size)
                return self._zip_member(entry), None
            case Kind.TAR:
                self._refuse_too_large(entry.size)
                return _range(entry), None
            case Kind.RECORD:
                raw = _range(entry)
                return record_pixels(raw), raw[0]

    def _file(self, path: Path) -> bytes:
        if not path.is_file():
            # Opening a pipe that nobody writes to would wait for ever.
            path.stat()
            raise UnscoredError("unreadable", "not a regular file")
        with path.open("rb") as file:
            content = file.read(self._max_bytes + 1)
            if len(content) > self._max_bytes:
                self._refuse_too_large(file.seek(0, 2))
        return content

    def _refuse_too_large(self, size: int) -> None:
        if size > self._max_bytes:
            raise UnscoredError(BadImageReason.TOO_LARGE, f"{size} bytes; at most {self._max_bytes} are read")

    def _zip_member(self, entry: Entry) -> bytes:
        try:
            archive = self._opened(entry.path)
            info = archive.infolist()[entry.position]
            with archive.open(info) as member:
                content = member.read(self._max_bytes + 1)
        except (*DECODER_ERRORS, IndexError) as error:
            raise UnscoredError(DAMAGED, str(error) or type(error).__name__) from None
        # The directory may say less than the member holds.
        self._refuse_too_large(len(content))
        return content

    def _opened(self, path: str) -> zipfile.ZipFile:
        if self._zip is None or self._zip[0] != path:
            self.close()
            self._zip = (path, zipfile.ZipFile(path))
        return self._zip[1]


def _range(entry: Entry) -> bytes:
    with Path(entry.path).open("rb") as file:
        file.seek(entry.position)
        content = file.read(entry.size)
    if len(content) < entry.size:
        raise UnscoredError("truncated", f"{len(content)} of {entry.size} bytes")
    return content
