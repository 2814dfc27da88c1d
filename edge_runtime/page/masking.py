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
    | {"credentials", "apikey", "sasurl", "connectionstring", "authorization", "cookie"}
)
# Words written as one, as in PGPASSWORD and accesstoken.
_SECRET_END = re.compile(
    r"(?:password|passwd|passphrase|secret|token|credentials?|connectionstring"
    r"|(?:api|access|account|primary|secondary|private|secret|shared|master|signing|encryption)key)\Z"
)
# Alone or at the end: `passCount` and `authMode` are none.
_SECRET_LAST = frozenset({"pass", "auth", "sas"})
_PASSES = frozenset({"low", "high", "band", "all", "first", "second", "last", "single", "two", "multi"})
# What is told of a key or a token, or is no such thing: `keyFrameInterval`, `tokenCount`.
_MEASURES = frozenset(
    {"interval", "count", "length", "size", "limit", "timeout", "ttl", "lifetime", "expiry", "expires"}
    | {"frame", "frames", "rate", "seconds", "ms", "enabled", "required"}
)
# Every secret name has one of these: most texts have none.
_HINT = re.compile("pass|pwd|secret|key|token|credential|connection|sas|shared|auth|cookie", re.IGNORECASE)
_SECRET_PAIRS = frozenset({("connection", "string"), ("sas", "url"), ("sas", "uri"), ("shared", "access")})
# The IoT Plug and Play acknowledgement beside a value, and a twin's metadata: numbers and times.
_ABOUT = frozenset({"ac", "av", "$version", "$lastUpdated", "$lastUpdatedVersion"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{1,20}(?:Z|[+-]\d\d:\d\d)")
# Each of them takes time in proportion to the text: it is a module's, and may be made to take long.
_LOGIN = re.compile(r"(?<=://)[^/\s\"'\\]*@")
# A login with a slash in its password is none of a URL, and written all the same.
_SLASHED_LOGIN = re.compile(r"(?<=://)[^/\s\"'\\:@]{0,64}+:(?!\d{1,5}/)[^\s\"'\\]{0,128}@")
_PRIVATE = re.compile(
    r"-----BEGIN [A-Z ]{0,32}?PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,32}?PRIVATE KEY-----|\Z)", re.DOTALL
)
_SIGNATURE = re.compile(r"\b(?P<name>sig=)[A-Za-z0-9%+/=_-]++", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<name>Bearer |Basic )[A-Za-z0-9+/=._~-]{8,}+")
_COOKIE = re.compile(r"\b(?P<name>Cookie:[ \t]*+)[^\r\n\"']++", re.IGNORECASE)
# `NAME=`, `"name": `, `'name' => ` and `--name `, also within a JSON text within a JSON text.
_NAMED = re.compile(
    r"(?<![A-Za-z0-9_.-])(?P<option>--)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*+)(?:\\*+[\"'])?"
    r"(?:\s*+(?:=>|[=:](?!//))[ \t]*+|(?(option)[ \t]++(?!-)|(?!)))"
)
_QUOTE = re.compile(r"\\*+[\"']")
_PLAIN = re.compile(r"(?:[^\s\"',;&}\])\\]|,(?=[^\s\"'\\]))*+")
_OPTION = re.compile(r"--(?P<name>[A-Za-z0-9_.-]++)")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z0-9_.-]++)=.++", re.DOTALL)


def is_secret_name(name: str) -> bool:
    """Whether values under this name are secrets: `password`, `apiKey`, `SCORING_KEY_PRIMARY`, `connectionString`."""
    if _HINT.search(name) is None:
        return False
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in _MEASURES:
        return False
    if words[-1] in _SECRET_LAST and not (words[-1] == "pass" and _PASSES.intersection(words)):
        return True
    return any(word in _SECRET_WORDS or _SECRET_END.search(word) is not None for word in words) or bool(
        _SECRET_PAIRS.intersection(itertools.pairwise(words))
    )


def masked(value: Any) -> Any:
    """A copy of a JSON document without secrets."""
    return _masked(value, secret=False)


def masked_text(text: str) -> str:
    """A line without secrets."""
    text = _PRIVATE.sub(MASK, text)
    text = _LOGIN.sub(f"{MASK}@", text)
    text = _SLASHED_LOGIN.sub(f"{MASK}@", text)
    text = _SIGNATURE.sub(rf"\g<name>{MASK}", text)
    text = _BEARER.sub(rf"\g<name>{MASK}", text)
    text = _COOKIE.sub(rf"\g<name>{MASK}", text)
    return text if _HINT.search(text) is None else "".join(_without_named(text))


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
            if name in _ABOUT and _is_number_or_time(inner)
            else _masked(inner, secret=secret or is_secret_name(name))
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [
            _masked(inner, secret=secret or _is_secret_option(before))
            for before, inner in itertools.pairwise([None, *value])
        ]
    if secret:
        return value if value in (None, "") or isinstance(value, bool) else MASK
    return _masked_string(value) if isinstance(value, str) else value


def _is_number_or_time(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and _TIME.fullmatch(value) is not None)


def _is_secret_option(value: Any) -> bool:
    """Whether what follows in a list of arguments is a secret."""
    option = _OPTION.fullmatch(value) if isinstance(value, str) else None
    return option is not None and is_secret_name(option["name"])


def _masked_string(text: str) -> str:
    # createOptions and the like: a document as a text.
    if text[:1] in {"{", "["}:
        try:
            document = json.loads(text, object_pairs_hook=_object)
            clean = masked(document)
            # As it was written, so that it can be written back.
            return text if clean == document else json.dumps(clean, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    variable = _VARIABLE.fullmatch(text)
    if variable is not None and is_secret_name(variable["name"]):
        return f"{variable['name']}={MASK}"
    return masked_text(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a name that comes twice: the first value would not be looked at."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _without_named(text: str) -> Iterator[str]:
    """Pieces of the text, the values that follow secret names masked."""
    kept = position = 0
    while (named := _NAMED.search(text, position)) is not None:
        position = named.end()
        if not is_secret_name(named["name"]):
            continue
        begin, end = _value(text, position)
        if begin < end:
            yield text[kept:begin]
            yield MASK
            kept = position = end
    yield text[kept:]


def _value(text: str, position: int) -> tuple[int, int]:
    """Where the value that begins at `position` does so, less its quotes, and where it ends."""
    quote = _QUOTE.match(text, position)
    if quote is not None:
        return quote.end(), _closing(text, quote)
    plain = _PLAIN.match(text, position)
    return position, position if plain is None else plain.end()


def _closing(text: str, quote: re.Match[str]) -> int:
    """Where the quoted value ends: one that more backslashes precede is part of it."""
    backslashes, at = len(quote[0]) - 1, quote.end()
    while (at := text.find(quote[0][-1], at)) >= 0:
        begin = at
        while begin > quote.end() and text[begin - 1] == "\\":
            begin -= 1
        if at - begin <= backslashes:
            return begin
        at += 1
    return len(text)
