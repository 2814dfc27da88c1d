"""JSON that every browser reads: NaN and Infinity, which modules may send, are none."""

from __future__ import annotations

import json
from typing import Any

_strict = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def encode(document: Any) -> bytes:
    """UTF-8, without line breaks; null for a number that JSON has not, `?` for half a surrogate pair."""
    try:
        text = _strict(document)
    except ValueError:
        text = _strict(json.loads(json.dumps(document), parse_constant=lambda _: None))
    return text.encode(errors="replace")
