"""Identities that the service's callers make on the device, beside those of the deployment."""

from __future__ import annotations

import re
from typing import Any

from edge_runtime.hub import sas
from edge_runtime.hub.edge_hub import EdgeHub, registered
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import HubError

_MODULE_NAME = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_KEY_BYTES = range(16, 65)


class InvalidIdentityError(HubError):
    """The identity cannot be made, changed or deleted so; never holds a key."""


async def register(hub: EdgeHub, client: ClientId, keys: Any) -> None:
    """Make an identity, or change its keys; `keys` is `{"primaryKey", "secondaryKey"}`, base64.

    A connection that was made with the old keys goes on until its token ends, as with IoT Hub.
    Raises InvalidIdentityError.
    """
    primary, secondary = (_key(keys, name) for name in ("primaryKey", "secondaryKey"))
    if client.module is not None and not _MODULE_NAME.fullmatch(client.module):
        raise InvalidIdentityError(f"{client.module!r} is not a module id")
    if hub.identities.get(client) is None:
        await hub.set_meta(registered(client), "1")
    await hub.identities.put(client, primary, secondary)


async def unregister(hub: EdgeHub, client: ClientId) -> None:
    """Raises InvalidIdentityError for a module of the deployment: it would be missed and made again."""
    if hub.meta(registered(client)) is None:
        raise InvalidIdentityError(f"{client} belongs to the deployment; deploy without it")
    await hub.forget(client)


def _key(keys: Any, name: str) -> str:
    key = keys.get(name) if isinstance(keys, dict) else None
    try:
        if isinstance(key, str) and len(sas.decode_key(key)) in _KEY_BYTES:
            return key
    except ValueError:
        pass
    raise InvalidIdentityError(f"{name}: base64 of {_KEY_BYTES.start} to {_KEY_BYTES.stop - 1} bytes")
