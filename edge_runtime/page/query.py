"""Values of a request's query."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from edge_runtime.page.json_http import RequestError


def whole_number(query: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    """None where it is not given, or empty. Raises RequestError."""
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and least <= int(text) <= most):
        raise RequestError(HTTPStatus.BAD_REQUEST, f"{name}: a whole number from {least} to {most}")
    return int(text)
