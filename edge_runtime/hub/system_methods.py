"""The direct methods of `$edgeHub` itself (spec D.4)."""

from __future__ import annotations

import json
from typing import Any

from edge_runtime.hub.methods import MethodResult

REFRESH = "RefreshDeviceScopeIdentityCache"


async def edge_hub_methods(method: str, payload: bytes, _response_timeout_s: float) -> MethodResult:
    """A `LocalTarget`: identities live in this hub, so that there is nothing to fetch anew; 404 to other names."""
    if method.casefold() != REFRESH.casefold():
        return _answer(404, {"message": f"$edgeHub has no method {method!r}, only {REFRESH}"})
    if not _names_devices(payload):
        return _answer(400, {"message": f'{REFRESH} wants {{"deviceIds": ["..."]}}'})
    return _answer(200, None)


def _names_devices(payload: bytes) -> bool:
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return False
    named = document.get("deviceIds") if isinstance(document, dict) else None
    return isinstance(named, list) and all(isinstance(name, str) for name in named)


def _answer(status: int, document: Any) -> MethodResult:
    return MethodResult(status, json.dumps(document).encode())
