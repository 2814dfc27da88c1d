"""Uploads to Azure Storage, or what speaks its protocol, with a shared access signature (SAS).

The URL holds the signature: it is in no log and in no error message.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

import aiohttp
from yarl import URL

from edge_runtime.agent.methods.errors import BadArgumentError

_log = logging.getLogger(__name__)
SERVICE_VERSION = "2021-08-06"
RETRIES = 2
FIRST_PAUSE_S = 5.0
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_TIMEOUT = aiohttp.ClientTimeout(total=600.0, sock_connect=20.0, sock_read=60.0)


class UploadError(Exception):
    """The storage did not take it. `transient`: it may the next time."""

    def __init__(self, message: str, *, transient: bool) -> None:
        super().__init__(message)
        self.transient = transient


@dataclass(frozen=True, slots=True)
class Blob:
    """What is uploaded. `name` goes below the container's path; `encoding` is `gzip` or nothing."""

    name: str
    content: bytes
    media_type: str
    encoding: str | None = None


def names_one_blob(sas_url: str) -> bool:
    """Whether the URL is signed for a single blob, and not for a container."""
    return parse_qs(urlsplit(sas_url).query).get("sr") == ["b"]


def check_url(sas_url: str) -> None:
    """Raises BadArgumentError for what cannot be a container's, or a blob's, URL."""
    try:
        parts = urlsplit(sas_url.strip())
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and len(parts.path) > 1
        _ = parts.port
    except ValueError:
        fits = False
    if not fits:
        raise BadArgumentError("sasUrl is not the URL of a container: https://HOST/CONTAINER?SIGNATURE")


def blob_url(sas_url: str, name: str) -> str:
    """Where a blob of that name goes; a URL that is signed for one blob stays as it is."""
    parts = urlsplit(sas_url.strip())
    path = parts.path if names_one_blob(sas_url) else f"{parts.path.rstrip('/')}/{quote(name)}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


async def upload(
    sas_url: str, blob: Blob, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Put one block blob in place, in up to three attempts. Raises UploadError."""
    url = blob_url(sas_url, blob.name)
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        for attempt in range(RETRIES + 1):
            try:
                await _put(session, url, blob)
            except UploadError as error:
                if attempt == RETRIES or not error.transient:
                    raise
                _log.warning("%s is uploaded again: %s", blob.name, error)
                await pause(FIRST_PAUSE_S * 2**attempt)
            else:
                return


async def _put(session: aiohttp.ClientSession, url: str, blob: Blob) -> None:
    try:
        # The signature is over the query as it was given: nothing may be quoted anew. A redirect could lead
        # to any machine, and the storage sends none.
        request = session.put(
            URL(url, encoded=True),
            data=io.BytesIO(blob.content),
            headers=_headers(blob),
            allow_redirects=False,
        )
        async with request as response:
            if response.status != HTTPStatus.CREATED:
                code = response.headers.get("x-ms-error-code", response.reason or "")
                raise UploadError(
                    f"the storage answered {response.status} {code}".rstrip(),
                    transient=response.status in TRANSIENT,
                )
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        # Not its text, which may hold the URL.
        host = urlsplit(url).hostname
        raise UploadError(f"{host} cannot be reached ({type(error).__name__})", transient=True) from None


def _headers(blob: Blob) -> dict[str, str]:
    headers = {
        "x-ms-blob-type": "BlockBlob",
        "x-ms-version": SERVICE_VERSION,
        "x-ms-date": formatdate(usegmt=True),
        "x-ms-blob-content-type": blob.media_type,
        "Content-Type": "application/octet-stream",
        "Content-MD5": base64.b64encode(hashlib.md5(blob.content, usedforsecurity=False).digest()).decode(),
    }
    if blob.encoding is not None:
        headers["x-ms-blob-content-encoding"] = blob.encoding
    return headers
