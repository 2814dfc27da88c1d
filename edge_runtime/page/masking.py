"""Secrets taken out of what the page echoes: twins, reported properties, logs. Pure.

A value is a secret by the name of its key, or by what it looks like: a URL with a login, a connection string, a
signature, a private key. What a message carries is not touched: it is shown as it was sent.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

MASK = "***"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    {"password", "passwd", "passphrase", "pwd", "secret", "secrets", "key", "keys", "token", "credential"}
    | {"credentials", "apikey", "sasurl", "connectionstring", "authorization"}
)
_SECRET_PAIRS = frozenset({("connection", "string"), ("sas", "url"), ("sas", "uri"), ("shared", "access")})
# The IoT Plug and Play acknowledgement beside a value: a status and a version.
_ACKNOWLEDGEMENT = frozenset({"ac", "av"})
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s@\"'\\]+@")
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_SIGNATURE = re.compile(r"\b(?P<name>sig=)[A-Za-z0-9%+/=_-]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<name>Bearer |Basic )[A-Za-z0-9+/=._~-]{8,}")
# `NAME=value`, `"name": "value"`, also within a JSON text within a JSON text.
_ASSIGNED = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?P<between>\\*[\"']?\s*[=:]\s*)"
    r"(?P<value>\\*\"(?:[^\"\\]|\\[^\"])*\\*\"|\\*'[^']*'|[^\s\"',;&}\])]+)"
)
_QUOTES = re.compile(r"\\*[\"']")


def is_secret_name(name: str) -> bool:
    """Whether values under this name are secrets: `password`, `apiKey`, `SCORING_KEY_PRIMARY`, `connectionString`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(_SECRET_WORDS.intersection(words)) or bool(
        _SECRET_PAIRS.intersection(itertools.pairwise(words))
    )


def masked(value: Any) -> Any:
    """A copy of a JSON document without secrets."""
    return _masked(value, secret=False)


def masked_text(text: str) -> str:
    """A line without secrets."""
    text = _PRIVATE.sub(MASK, text)
    text = _LOGIN.sub(rf"\g<scheme>{MASK}@", text)
    text = _SIGNATURE.sub(rf"\g<name>{MASK}", text)
    text = _BEARER.sub(rf"\g<name>{MASK}", text)
    return _ASSIGNED.sub(_assigned, text)


def masked_places(value: Any, place: str = "") -> Iterator[str]:
    """Where a document holds a masked value: paths such as `source.password`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            path = f"{place}.{name}" if place else str(name)
            if MASK in name:
                yield path
            yield from masked_places(inner, path)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from masked_places(inner, f"{place}[{number}]")
    elif isinstance(value, str) and MASK in value:
        yield place


def _masked(value: Any, *, secret: bool) -> Any:
    if isinstance(value, dict):
        return {
            name: inner
            if name.startswith("$") or (secret and name in _ACKNOWLEDGEMENT)
            else _masked(inner, secret=secret or is_secret_name(name))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_masked(inner, secret=secret) for inner in value]
    if secret:
        return value if value in (None, "") or isinstance(value, bool) else MASK
    return _masked_string(value) if isinstance(value, str) else value


def _masked_string(text: str) -> str:
    # createOptions and the like: a document as a text.
    if text[:1] in {"{", "["}:
        try:
            return json.dumps(masked(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return masked_text(text)


def _assigned(match: re.Match[str]) -> str:
    value = match["value"]
    if not is_secret_name(match["name"]) or value.strip("\\\"'") == "":
        return match[0]
    quote = _QUOTES.match(value)
    around = quote[0] if quote else ""
    return f"{match['name']}{match['between']}{around}{MASK}{around}"
