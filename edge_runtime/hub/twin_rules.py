"""Pure rules of twins: merging patches and validating them (spec B.7)."""

from __future__ import annotations

import json
import re
from typing import Any

from edge_runtime.hub.ports import InvalidTwinError, JsonObject

MAX_DEPTH = 10
MAX_NAME_BYTES = 1024
MAX_TEXT_BYTES = 4096
MAX_INTEGER = 2**52
MAX_SECTION_BYTES = 32 * 1024
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_FORBIDDEN_IN_NAMES = re.compile(r"[\x00-\x20\x7f-\x9f.$#\s]")


def merge(section: JsonObject, patch: JsonObject) -> JsonObject:
    """A new section: objects merge, null deletes, arrays and scalars replace. `$` keys are left out."""
    merged = dict(section)
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            old = merged.get(name)
            merged[name] = merge(old if isinstance(old, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def difference(old: JsonObject, new: JsonObject) -> JsonObject:
    """The patch that turns `old` into `new`: what is gone becomes null. `$` keys are no properties, as in `merge`."""
    patch: JsonObject = {name: None for name in old if name not in new and not name.startswith("$")}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = difference(before, value)
            if inner:
                patch[name] = inner
        elif name not in old or before != value or type(before) is not type(value):
            patch[name] = value
    return patch


def validate_patch(patch: Any) -> JsonObject:
    """Return the patch, or raise InvalidTwinError naming the property and the rule it breaks."""
    if not isinstance(patch, dict):
        raise InvalidTwinError(f"a patch is a JSON object, not {type(patch).__name__}")
    _validate_object(patch, "", 1)
    return patch


def validate_size(section: JsonObject, most_bytes: int = MAX_SECTION_BYTES) -> None:
    text = json.dumps(section, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode(errors="surrogatepass"))
    if size > most_bytes:
        raise InvalidTwinError(f"the section would have {size} bytes; at most {most_bytes} are allowed")


def _validate_object(value: JsonObject, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidTwinError(f"{path}: nested deeper than {MAX_DEPTH}")
    for name, inner in value.items():
        where = f"{path}.{name}" if path else name
        if not name or len(name.encode(errors="surrogatepass")) > MAX_NAME_BYTES:
            raise InvalidTwinError(f"{where[:80]!r}: a name has 1 to {MAX_NAME_BYTES} bytes")
        # `$version` and `$metadata` come back from clients that echo what they read; merge leaves them out.
        if _HALF_PAIR.search(name):
            raise InvalidTwinError(f"{where[:80]!r}: half a surrogate pair is no text")
        if _FORBIDDEN_IN_NAMES.search(name) and not (depth == 1 and name in ("$version", "$metadata")):
            raise InvalidTwinError(f"{where[:80]!r}: no blank, control character, '.', '$' or '#' in a name")
        _validate_value(inner, where, depth)


def _validate_value(value: Any, path: str, depth: int) -> None:
    if isinstance(value, dict):
        _validate_object(value, path, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if item is None:
                raise InvalidTwinError(f"{path}[{index}]: null inside an array")
            _validate_value(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, str):
        _validate_text(value, path)
    elif isinstance(value, int) and not isinstance(value, bool):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise InvalidTwinError(f"{path}: integers lie within +-2^52")
    elif (isinstance(value, float) and value != value) or value in (float("inf"), float("-inf")):  # noqa: PLR0124
        raise InvalidTwinError(f"{path}: not a finite number")


def _validate_text(value: str, path: str) -> None:
    if _HALF_PAIR.search(value):
        raise InvalidTwinError(f"{path}: half a surrogate pair is no text")
    if len(value.encode()) > MAX_TEXT_BYTES:
        raise InvalidTwinError(f"{path}: text longer than {MAX_TEXT_BYTES} bytes")
