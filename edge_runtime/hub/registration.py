"""Identities that the service's callers make: modules beside those of the deployment, and other devices."""

from __future__ import annotations

import logging
import re
from typing import Any

from edge_runtime.hub import sas
from edge_runtime.hub.authentication import thumbprint
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.facts import barred, registered, thumbprints
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import HubError

logger = logging.getLogger(__name__)

_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_REASON = re.compile(r"[a-z_]{1,40}")
_KEY_BYTES = range(16, 65)


class InvalidIdentityError(HubError):
    """The identity cannot be made, changed or deleted so; never holds a key."""


async def register(hub: EdgeHub, client: ClientId, document: Any) -> None:
    """Make an identity, or change it; `document` is `{"primaryKey", "secondaryKey", "thumbprints"?, "barred"?}`.

    Keys are base64; `thumbprints` are those of certificates that it may show in place of a token.
    `barred` is the reason, in one word, why the client exists and may not connect: it is
    refused with it, and disconnected. A connection that was made with keys that are gone ends within a minute.
    Raises InvalidIdentityError.
    """
    primary, secondary = (_key(document, name) for name in ("primaryKey", "secondaryKey"))
    reason = document.get("barred")
    if reason is not None and not (isinstance(reason, str) and _REASON.fullmatch(reason)):
        raise InvalidIdentityError("barred: one word, a to z and _")
    shown = _thumbprints(document.get("thumbprints"))
    name = client.device if client.module is None else client.module
    if not _ID.fullmatch(name):
        raise InvalidIdentityError(f"{name!r} is not an id of IoT Hub")
    old = hub.identities.get(client)
    if old is not None and old.client != client:
        raise InvalidIdentityError(f"{client} and {old.client} differ in case alone")
    if old is None:
        await hub.facts.put(registered(client), "1")
    # Barred before anything else changes and let in when all has: it may connect at any moment between.
    if reason is not None and hub.facts.get(barred(client)) != reason:
        await hub.facts.put(barred(client), reason)
    if shown != (hub.facts.get(thumbprints(client)) or ""):
        await hub.facts.put(thumbprints(client), shown)
    if old is None or (old.primary_key, old.secondary_key) != (primary, secondary):
        await hub.identities.put(client, primary, secondary)
    if reason is None:
        await hub.facts.delete(barred(client))
    else:
        hub.connections.close(client, f"it may not connect any more ({reason})")


async def unregister(hub: EdgeHub, client: ClientId) -> None:
    """Raises InvalidIdentityError for a module of the deployment: it would be missed and made again."""
    if hub.facts.get(registered(client)) is None:
        raise InvalidIdentityError(f"{client} belongs to the deployment; deploy without it")
    await hub.forget(client)


async def register_devices(hub: EdgeHub, documents: Any) -> None:
    """The whole list of the devices beside the edge device, name -> what `register` takes; others are deleted.

    From then on a device that is not in it does not exist. An entry that is wrong is left out, with a warning.
    Raises InvalidIdentityError when it is no list at all.
    """
    if not isinstance(documents, dict):
        raise InvalidIdentityError("devices: a JSON object: a device's name, then its keys")
    wanted = {name.casefold() for name in documents}
    for client in hub.identities.devices:
        if client.device.casefold() not in wanted:
            await hub.forget(client)
    for name, document in documents.items():
        try:
            await register(hub, ClientId(name), document)
        except InvalidIdentityError as error:
            logger.warning("The device %r cannot be made known: %s", name, error)
    hub.identities.devices_told = True


def _thumbprints(given: Any) -> str:
    if given is None:
        return ""
    plain = (
        [thumbprint(one) if isinstance(one, str) else None for one in given]
        if isinstance(given, list)
        else []
    )
    if not plain or None in plain:
        raise InvalidIdentityError("thumbprints: SHA-1 or SHA-256 of certificates, in hexadecimal digits")
    return ",".join(one for one in plain if one)


def _key(document: Any, name: str) -> str:
    key = document.get(name) if isinstance(document, dict) else None
    try:
        if isinstance(key, str) and len(sas.decode_key(key)) in _KEY_BYTES:
            return key
    except ValueError:
        pass
    raise InvalidIdentityError(f"{name}: base64 of {_KEY_BYTES.start} to {_KEY_BYTES.stop - 1} bytes")
