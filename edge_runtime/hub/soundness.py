"""What a row of the store must be for the hub to be able to deal with it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from edge_runtime.hub.queue_store import SEQUENCES, checked_row

TABLES = ("meta", "endpoints", "sessions", "twins", "identities")
Row = tuple[Any, ...]


def is_sound(table: str, row: Row) -> bool:
    """Of `messages` and the TABLES."""
    if table == "messages":
        return checked_row(row) is not None
    try:
        return all(isinstance(value, str) for value in row[1:]) and _CHECKS[table](row)
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def all_sound(path: Path) -> bool:
    """Whether each row of the store can be read and is sound; reads all of it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as store:
            return all(
                is_sound(table, row)
                for table in (*TABLES, "messages")
                for row in store.execute(f"SELECT * FROM {table}")  # noqa: S608
            )
    except sqlite3.Error:
        return False


def _sequence_is_number(row: Row) -> bool:
    return isinstance(row[0], str) and (row[0] != "sequence" or 0 < int(row[1]) < SEQUENCES)


def _names_an_endpoint(row: Row) -> bool:
    return isinstance(row[0], int) and 0 < row[0] < 1 << 15 and (row[1] == "iothub" or row[1].count("/") >= 2)


def _holds_filters(row: Row) -> bool:
    filters = json.loads(row[1])
    return isinstance(row[0], str) and all(isinstance(qos, int) for qos in filters.values())


def _holds_sections(row: Row) -> bool:
    sections = [json.loads(text) for text in row[1:]]
    return isinstance(row[0], str) and all(isinstance(section["$version"], int) for section in sections)


def _is_text(row: Row) -> bool:
    return isinstance(row[0], str)


_CHECKS: dict[str, Callable[[Row], bool]] = {
    "meta": _sequence_is_number,
    "endpoints": _names_an_endpoint,
    "sessions": _holds_filters,
    "twins": _holds_sections,
    "identities": _is_text,
}
