"""What the local IoT Hub keeps itself: JSON documents by kind and name, in one SQLite file."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from edge_runtime.iothub.service.errors import UnavailableError

Document = dict[str, Any]
_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
"""


class DocumentsError(Exception):
    """The file cannot be used; the message names it and the mend."""


class Documents:
    """In memory for reading, durable before a write returns. Belongs to one event loop.

    What `get` and `all` give is shared: callers must not change it.
    """

    def __init__(self, path: Path) -> None:
        """Raises DocumentsError."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            # Only one call at a time uses it, in whatever thread.
            self._connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
            self._connection.executescript(_SCHEMA)
            rows = self._connection.execute("SELECT kind, name, content FROM documents").fetchall()
            self._documents: dict[tuple[str, str], Document] = {
                (kind, name): json.loads(content) for kind, name, content in rows
            }
        except (OSError, sqlite3.Error, ValueError) as error:
            raise DocumentsError(
                f"{path}: the local IoT Hub's registry cannot be read ({error}); "
                "mend its folder, or move the file away to start with an empty one"
            ) from error
        self._lock = asyncio.Lock()

    def get(self, kind: str, name: str) -> Document | None:
        return self._documents.get((kind, name))

    def all(self, kind: str) -> dict[str, Document]:
        """By name, sorted."""
        return {name: doc for (of, name), doc in sorted(self._documents.items()) if of == kind}

    async def put(self, kind: str, name: str, document: Document) -> None:
        """Raises UnavailableError when the disk refuses."""
        row = (kind, name, json.dumps(document))
        await self._write("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", row)
        self._documents[kind, name] = document

    async def delete(self, kind: str, name: str) -> None:
        """Raises UnavailableError when the disk refuses."""
        await self._write("DELETE FROM documents WHERE kind = ? AND name = ?", (kind, name))
        self._documents.pop((kind, name), None)

    def close(self) -> None:
        self._connection.close()

    async def _write(self, statement: str, row: tuple[str, ...]) -> None:
        def write() -> None:
            with self._connection:
                self._connection.execute(statement, row)

        async with self._lock:
            try:
                await asyncio.to_thread(write)
            except sqlite3.Error as error:
                raise UnavailableError(f"the registry cannot be written: {error}") from error
