"""ETags and If-Match (spec E.2): the SDK quotes some, others not; the answer's body holds them unquoted."""

from __future__ import annotations

import base64
import secrets

from edge_runtime.iothub.service.errors import ChangedError

ANY = "*"


def fresh() -> str:
    """One that no version before had."""
    return base64.b64encode(secrets.token_bytes(9)).decode()


def of_versions(*versions: int) -> str:
    """One for a document whose parts have these versions."""
    return base64.b64encode(".".join(map(str, versions)).encode()).decode()


def wanted(header: str | None) -> str | None:
    """What If-Match asks for: an ETag, `*`, or None without the header."""
    if header is None:
        return None
    text = header.strip().removeprefix("W/")
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def require(name: str, etag: str, if_match: str | None) -> None:
    """Raises ChangedError when `if_match` names another ETag; without one anything is right."""
    if if_match not in (None, ANY, etag):
        raise ChangedError(name, etag)
