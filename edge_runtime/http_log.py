"""What aiohttp's servers log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

_log = logging.getLogger(__name__)

Refused = Callable[[str, str], None]
"""Told of what was refused: a reason in one word, and who it was."""


def _in_one_line(reason: str, detail: str) -> None:
    _log.info("HTTP: %s: %s", reason, detail)


class HttpLog(logging.LoggerAdapter[logging.Logger]):
    """A server's `logger`: of a request that is no HTTP no more than its kind, since aiohttp would cite it."""

    def __init__(self, refused: Refused = _in_one_line) -> None:
        super().__init__(_log)
        self._refused = refused

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        if isinstance(exc_info, HttpProcessingError):
            self._refused("bad_request", f"{args[0] if args else 'unknown'}: {type(exc_info).__name__}")
        else:
            super().exception(msg, *args, exc_info=exc_info, **more)
