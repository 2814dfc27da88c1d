"""Reported properties: within the hub's rules, coalesced, sent again after a lost connection."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from module_kit.redaction import redact_json

_log = logging.getLogger(__name__)

# spec B.7: what edgeHub refuses with 400, and then disconnects for ever over (iotedge#616)
MAXIMUM_DEPTH = 10
MAXIMUM_NAME_BYTES = 1024
MAXIMUM_TEXT_BYTES = 4096
MAXIMUM_INTEGER = 2**52
MAXIMUM_BYTES = 32 * 1024
COALESCE_S = 1.0


def fit(value: Any) -> Any:
    """`value` as the hub accepts it: texts cut to 4,096 bytes, nulls taken out of arrays, secrets masked.

    Raises `ValueError` with the path for what cannot be mended: a name with a blank, `.`, `$` or `#`, an
    integer beyond 2^52, more than ten levels.
    """
    return _fit(redact_json(value), "", 0)


def _fit(value: Any, path: str, depth: int) -> Any:
    if depth > MAXIMUM_DEPTH:
        raise ValueError(f"{path}: deeper than {MAXIMUM_DEPTH} levels")
    if isinstance(value, Mapping):
        for name in value:
            _check_name(str(name), path)
        return {name: _fit(item, f"{path}/{name}", depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_fit(item, path, depth + 1) for item in value if item is not None]
    if isinstance(value, str):
        return value.encode()[:MAXIMUM_TEXT_BYTES].decode(errors="ignore")
    if isinstance(value, int) and abs(value) > MAXIMUM_INTEGER:
        raise ValueError(f"{path}: {value} is beyond 2^52")
    return value


def _check_name(name: str, path: str) -> None:
    if not name or len(name.encode()) > MAXIMUM_NAME_BYTES:
        raise ValueError(f"{path}: a name of {len(name.encode())} bytes, expected 1 to {MAXIMUM_NAME_BYTES}")
    bad = [
        character
        for character in name
        if character in ".$#" or character.isspace() or not character.isprintable()
    ]
    if bad:
        raise ValueError(f"{path}/{name}: {bad[0]!r} is not allowed in a name")


class Reporter:
    """Collects what changed and sends it as one patch, at most one a second.

    Args:
        send: the SDK's `patch_twin_reported_properties`.
        connected: whether sending makes sense now.
    """

    def __init__(
        self,
        send: Callable[[dict[str, Any]], Awaitable[None]],
        connected: Callable[[], bool],
        coalesce_s: float = COALESCE_S,
    ) -> None:
        self._send = send
        self._connected = connected
        self._coalesce_s = coalesce_s
        self._pending: dict[str, Any] = {}
        self._known: dict[str, Any] = {}
        self._held: dict[str, Any] = {}
        self._changed = asyncio.Event()
        self.refused = 0

    def seed(self, reported: Mapping[str, Any]) -> None:
        """What the hub holds from an earlier run: not sent again by itself, but what a report replaces."""
        self._held = {name: value for name, value in reported.items() if not name.startswith("$")}

    def report(self, properties: Mapping[str, Any]) -> None:
        """Report `properties`; a top-level name replaces what was reported under it, None removes it.

        What breaks the hub's rules is left out, logged and counted in `refused`: a report must not stop a
        module.
        """
        for name, value in properties.items():
            try:
                _check_name(name, "")
                fitted = fit(value)
                self._check_size(name, fitted)
            except ValueError as error:
                self.refused += 1
                _log.error("reported property %s left out: %s", name, error)
                continue
            if name in self._pending or self._known.get(name, _NEVER) != fitted:
                self._pending[name] = fitted
                self._changed.set()

    async def run(self) -> None:
        """Send patches for as long as the module runs."""
        while True:
            await self._changed.wait()
            if self._connected():
                await self.flush()
            await asyncio.sleep(self._coalesce_s)

    async def flush(self) -> bool:
        """Send what is pending now. True when nothing is left."""
        self._changed.clear()
        if not self._pending:
            return True
        batch, self._pending = self._pending, {}
        try:
            await self._send({name: _replacing(self._held.get(name), value) for name, value in batch.items()})
        except Exception as error:  # noqa: BLE001 - the SDK raises many types for "not now"
            _log.info("reporting %s again: %s", ", ".join(batch), error)
            self._pending = {**batch, **self._pending}
            self._changed.set()
            return False
        self._known.update(batch)
        self._held.update(batch)
        return True

    def _check_size(self, name: str, value: Any) -> None:
        whole = {**self._held, **self._pending, name: value}
        size = len(json.dumps(whole, separators=(",", ":")).encode())
        if size > MAXIMUM_BYTES:
            raise ValueError(f"all reported properties together would take {size} of {MAXIMUM_BYTES} bytes")


_NEVER = object()


def _replacing(old: Any, new: Any) -> Any:
    """`new` as a merge patch over `old`: objects merge in a twin, so what is gone must be null."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    gone = dict.fromkeys(name for name in old if name not in new)
    return gone | {name: _replacing(old.get(name), value) for name, value in new.items()}
