"""Which candidates a worker is with, written down for the case that it does not survive them.

A native crash takes the request, its worker and all that the worker has counted with it; only what the kernel has
already is left. So each worker has a small file in the state folder, which names a candidate from the first picture
that it gets to the last that it answers. The file of a worker that is gone says whom it was with.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

_SIZE = 4096
"""Of 16 variants with names of 64 characters, under two plans, and to spare."""


class Companions(BaseModel):
    """What the file of a worker says: `candidates` are revisions of the plan, and variants of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pid: int
    candidates: tuple[tuple[int, str], ...]


class AtWork:
    """The file of one worker; it is there from the first candidate on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._pictures: Counter[tuple[int, str]] = Counter()

    @contextmanager
    def with_candidate(self, revision: int, variant: str) -> Iterator[None]:
        """While it is entered, the file names the variant."""
        key = revision, variant
        self._pictures[key] += 1
        if self._pictures[key] == 1:
            self._write()
        try:
            yield
        finally:
            self._pictures[key] -= 1
            if not self._pictures[key]:
                del self._pictures[key]
                self._write()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self) -> None:
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        document = {"pid": os.getpid(), "candidates": list(self._pictures)}
        # At once and of one length: another thread may end the process at any time.
        os.pwrite(self._file, json.dumps(document).encode().ljust(_SIZE), 0)
