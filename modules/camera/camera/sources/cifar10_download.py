"""Fetching the official archive: resumed after a cut, checked by its MD5, put in place whole."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from camera.sources.source import SourceEvents, SourceUnavailableError
from module_kit.redaction import redact

OFFICIAL_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
BINARY_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
PYTHON_MD5 = "c58f30108f718f92721af3b95e74349a"
CHUNK = 256 * 1024
IDLE_TIMEOUT_S = 6.0
ATTEMPTS = 5
MAXIMUM_BYTES = 1024**3


class _ChecksumError(Exception):
    """What is there is not what was promised."""


@dataclass(slots=True, frozen=True)
class Download:
    """One file to have.

    Attributes:
        url: http or https.
        md5: hexadecimal; the official one of the layout that the URL names when empty.
        folder: where it is kept.
    """

    url: str
    md5: str
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / (PurePosixPath(unquote(urlsplit(self.url).path)).name or "cifar-10.tar.gz")

    @property
    def expected_md5(self) -> str:
        return self.md5.lower() or (PYTHON_MD5 if "python" in self.file.name else BINARY_MD5)


def fetch(download: Download, events: SourceEvents, stop: threading.Event) -> Path:
    """The file, from the folder when it is there and whole. Raises `SourceUnavailableError`."""
    if urlsplit(download.url).scheme not in ("http", "https"):
        raise SourceUnavailableError(f"cifar10: {redact(download.url)}: expected an http or https URL")
    try:
        download.folder.mkdir(parents=True, exist_ok=True)
        with _alone(download.file):
            if not (download.file.is_file() and _md5(download.file) == download.expected_md5):
                _fetch_patiently(download, events, stop)
    except OSError as error:
        raise SourceUnavailableError(
            f"cifar10: cannot keep the archive in {download.folder}: {error.strerror} (set CACHE_FOLDER)"
        ) from None
    return download.file


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.with_name(f".{file.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch_patiently(download: Download, events: SourceEvents, stop: threading.Event) -> None:
    part = download.file.with_name(download.file.name + ".part")
    problem = ""
    for _ in range(ATTEMPTS):
        try:
            _fetch_rest(download, part, events, stop)
            _put_in_place(part, download)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            problem = str(getattr(error, "reason", "")) or str(error) or type(error).__name__
            if isinstance(error, urllib.error.HTTPError):
                problem = f"HTTP {error.code} {error.reason}"
            stop.wait(0.2)
        except _ChecksumError as error:
            part.unlink(missing_ok=True)
            problem = str(error)
        else:
            return
        if stop.is_set():
            break
    raise SourceUnavailableError(f"cifar10: download from {redact(download.url)} failed: {problem}")


def _fetch_rest(download: Download, part: Path, events: SourceEvents, stop: threading.Event) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(download.url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - checked
    try:
        response = urllib.request.urlopen(request, timeout=IDLE_TIMEOUT_S)  # noqa: S310 - checked
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return  # everything is there already; the checksum decides
        raise
    with response, part.open("ab" if response.status == http.HTTPStatus.PARTIAL_CONTENT else "wb") as file:
        total = file.tell() + int(response.headers.get("Content-Length") or 0)
        _copy(response, file, _Progress(download.file.name, total, events), stop)


def _copy(response: IO[bytes], file: IO[bytes], progress: _Progress, stop: threading.Event) -> None:
    progress.at(file.tell())
    while chunk := response.read(CHUNK):
        file.write(chunk)
        if file.tell() > MAXIMUM_BYTES:
            raise _ChecksumError(f"more than {MAXIMUM_BYTES} bytes")
        progress.at(file.tell())
        if stop.is_set():
            raise ConnectionAbortedError("stopped")
    if progress.total and file.tell() < progress.total:
        raise ConnectionResetError(f"cut after {file.tell()} of {progress.total} bytes")


class _Progress:
    """Tells each tenth."""

    def __init__(self, name: str, total: int, events: SourceEvents) -> None:
        self.total = total
        self._name = name
        self._events = events
        self._told = -1

    def at(self, position: int) -> None:
        tenth = position * 10 // self.total if self.total else position // (16 * 1024 * 1024)
        if tenth > self._told:
            self._told = tenth
            done = f"{tenth * 10} %" if self.total else f"{position // 1024**2} MiB"
            self._events.progress(f"downloading {self._name}: {done}")


def _put_in_place(part: Path, download: Download) -> None:
    actual = _md5(part)
    if actual != download.expected_md5:
        raise _ChecksumError(f"the file's MD5 is {actual}, expected {download.expected_md5}")
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(download.file)


def _md5(file: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
