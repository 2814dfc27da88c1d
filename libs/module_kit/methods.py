"""Direct methods: names to handlers, and answers that are always JSON.

MethodError(Exception)   a handler refuses: its status and message are the answer
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from module_kit.redaction import redact

_log = logging.getLogger(__name__)

MethodHandler = Callable[[Any], Awaitable[Any]]
"""Takes the JSON payload (None when absent), returns the JSON answer, which travels with status 200."""


class MethodError(Exception):
    """A handler's refusal. `status` as in HTTP: 400 bad payload, 409 not now, 503 not available..."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Methods:
    """The direct methods of one module. Names are case-sensitive, as IoT Hub passes them."""

    def __init__(self) -> None:
        self._handlers: dict[str, MethodHandler] = {}

    def register(self, name: str, handler: MethodHandler) -> None:
        if name in self._handlers:
            raise ValueError(f"direct method {name!r} is registered twice")
        self._handlers[name] = handler

    async def answer(self, name: str, payload: Any) -> tuple[int, Any]:
        """(status, JSON). 404 lists the names; an exception in a handler is 500 and the module lives on."""
        handler = self._handlers.get(name)
        if handler is None:
            known = ", ".join(sorted(self._handlers)) or "none"
            return 404, {"message": f"no direct method {name!r}; this module has: {known}"}
        try:
            return 200, await handler(payload)
        except MethodError as error:
            return error.status, {"message": redact(str(error))}
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything; the caller gets it
            _log.exception("direct method %s failed", name)
            return 500, {"message": redact(f"{type(error).__name__}: {error}")}
