"""The identity registry: devices and modules, with their keys (spec E.2, E.3).

Of the device that runs here the hub process knows the identities; documents beside it hold what only IoT Hub
knows of them. Other devices are registered whole in documents, and the hub process is told of them (`scope`).
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Any

from edge_runtime.hub import sas
from edge_runtime.hub.message import ClientId
from edge_runtime.iothub.devicebound import Devicebound
from edge_runtime.iothub.service import etags
from edge_runtime.iothub.service.device import Clients, OwnIdentity, RunningDevice
from edge_runtime.iothub.service.documents import Document, Documents
from edge_runtime.iothub.service.errors import (
    ExistsError,
    InvalidRequestError,
    MissingError,
    UnavailableError,
)
from edge_runtime.iothub.service.scope import hub_entry, scope_of
from edge_runtime.iothub.store import StoreRefusedError

NEVER = "0001-01-01T00:00:00Z"
SYSTEM_MODULES = ("$edgeAgent", "$edgeHub")
_IDENTITY = "identity"
_UNTOUCHED = "AAAAAAAAAAE="
_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_TYPES = ("sas", "selfSigned", "certificateAuthority", "none")
_KEY_BYTES = range(16, 65)
_KEPT = ("status", "statusReason", "deviceScope", "parentScopes", "managedBy")


class Registry:
    """Answers are documents with IoT Hub's wire names; they belong to the caller."""

    def __init__(self, documents: Documents, device: RunningDevice, devicebound: Devicebound) -> None:
        self._documents = documents
        self._devicebound = devicebound
        self._device = device

    async def get(self, subject: ClientId) -> Document:
        """A device or module. Raises MissingError."""
        found = await self._find(subject)
        if found is not None:
            return found
        if subject.module is not None:
            await self.get(ClientId(subject.device))
        raise _missing(subject)

    async def devices(self) -> list[Document]:
        clients = await self._device.clients()
        names = {self._device.name, *self._others()}
        return [self._wire(ClientId(name), clients) for name in sorted(names)]

    async def modules(self, device: str) -> list[Document]:
        """Raises MissingError for an unknown device."""
        await self.get(ClientId(device))
        clients = await self._device.clients()
        if device == self._device.name:
            names = sorted(name for name in clients.own if name is not None)
        else:
            prefix = f"{device}/"
            names = [n.removeprefix(prefix) for n in self._documents.all(_IDENTITY) if n.startswith(prefix)]
        return [self._wire(ClientId(device, name), clients) for name in names]

    async def put(self, subject: ClientId, body: Any, if_match: str | None) -> Document:
        """Create it, or with `if_match` change it: what the body leaves out stays, keys too.

        Raises ExistsError, MissingError, ChangedError, InvalidRequestError.
        """
        given = _checked(subject, body)
        if subject.module is not None:
            await self.get(ClientId(subject.device))
        old = await self._find(subject)
        if old is None and if_match is not None:
            raise _missing(subject)
        if old is not None:
            if if_match is None:
                raise ExistsError(_kind(subject), subject.module or subject.device)
            etags.require(str(subject), old["etag"], if_match)
        new = _merged(subject, old, given)
        if subject.device == self._device.name:
            await self._put_own(subject, new)
        elif subject.module is None:
            await self._device.put_device(subject.device, hub_entry(new, self._device.name))
        await self._documents.put(_IDENTITY, str(subject), new)
        return await self.get(subject)

    async def delete(self, subject: ClientId, if_match: str | None) -> None:
        """Raises MissingError, ChangedError, InvalidRequestError."""
        old = await self.get(subject)
        etags.require(str(subject), old["etag"], if_match)
        if subject.device == self._device.name:
            if subject.module is None:
                raise InvalidRequestError(f"{subject} is the device that runs here; stop the runtime instead")
            await self._device.delete_identity(subject.module)
        elif subject.module is None:
            await self._device.delete_device(subject.device)
            await self._purge(subject.device)
        for name in [
            n for n in self._documents.all(_IDENTITY) if n == str(subject) or n.startswith(f"{subject}/")
        ]:
            for kind in (_IDENTITY, "tags", "twin"):
                await self._documents.delete(kind, name)

    async def _find(self, subject: ClientId) -> Document | None:
        clients = await self._device.clients()
        known = (
            subject.module in clients.own
            if subject.device == self._device.name
            else self._documents.get(_IDENTITY, str(subject)) is not None
        )
        return self._wire(subject, clients) if known else None

    async def _purge(self, device: str) -> None:
        try:
            await self._devicebound.purge(device)
        except StoreRefusedError as error:
            raise UnavailableError(str(error)) from error

    async def tell_devices(self) -> None:
        """Tell a hub process that has come up of all devices, so that it knows whom to refuse (spec A.7)."""
        identities = {name: self._documents.get(_IDENTITY, name) or {} for name in self._others()}
        edge = self._device.name
        await self._device.put_devices({name: hub_entry(one, edge) for name, one in identities.items()})

    def _others(self) -> list[str]:
        return [n for n in self._documents.all(_IDENTITY) if "/" not in n and n != self._device.name]

    async def _put_own(self, subject: ClientId, new: Document) -> None:
        authentication = new["authentication"]
        if authentication["type"] != "sas":
            raise InvalidRequestError(
                f"{subject}: clients of the device that runs here sign with keys (type sas)"
            )
        if subject.module is None and not new["capabilities"]["iotEdge"]:
            raise InvalidRequestError(f"{subject} is the edge device that runs here: iotEdge stays true")
        if new.get("status") == "disabled":
            raise InvalidRequestError(f"{subject}: a client of the device that runs here cannot be disabled")
        keys = authentication["symmetricKey"]
        await self._device.put_identity(subject.module, keys["primaryKey"], keys["secondaryKey"])

    def _wire(self, subject: ClientId, clients: Clients) -> Document:
        stored = self._documents.get(_IDENTITY, str(subject)) or {}
        document: Document = {
            **_defaults(subject),
            **stored,
            "connectionStateUpdatedTime": NEVER,
            "lastActivityTime": NEVER,
            "cloudToDeviceMessageCount": 0 if subject.module else self._devicebound.count(subject.device),
            "connectionState": "Disconnected",
        }
        if subject.device == self._device.name:
            _overlay(document, clients.own[subject.module])
        elif subject.module is None and subject.device in clients.connected:
            document["connectionState"] = "Connected"
        return document


def _overlay(document: Document, identity: OwnIdentity) -> None:
    """What the hub process knows better than the documents."""
    document["generationId"] = identity.generation_id
    document["connectionState"] = "Connected" if identity.connected else "Disconnected"
    document["authentication"] = _sas(identity.primary_key, identity.secondary_key)
    if identity.module is None:
        # The runtime is up, or nobody would answer.
        document["connectionState"] = "Connected"
        document["capabilities"] = {"iotEdge": True}
        document["deviceScope"] = scope_of(document["deviceId"], identity.generation_id)
    elif identity.deployed:
        document["managedBy"] = "IotEdge"


def _defaults(subject: ClientId) -> Document:
    document: Document = {"deviceId": subject.device, "etag": _UNTOUCHED}
    if subject.module is not None:
        return {**document, "moduleId": subject.module, "managedBy": ""}
    return {
        **document,
        "status": "enabled",
        "statusReason": None,
        "statusUpdatedTime": NEVER,
        "capabilities": {"iotEdge": False},
    }


def _checked(subject: ClientId, body: Any) -> Document:
    if not isinstance(body, dict):
        raise InvalidRequestError(f"the body must be a {_kind(subject)} as JSON object")
    for name, expected in (("deviceId", subject.device), ("moduleId", subject.module)):
        if body.get(name, expected) != expected:
            raise InvalidRequestError(f"{name}: {body[name]!r} is not the {expected!r} of the address")
    if not _ID.fullmatch(subject.module or subject.device):
        raise InvalidRequestError(f"{subject.module or subject.device!r} is not an id of IoT Hub")
    if body.get("status", "enabled") not in ("enabled", "disabled"):
        raise InvalidRequestError("status: enabled or disabled")
    return body


def _merged(subject: ClientId, old: Document | None, given: Document) -> Document:
    kept = {name: (old or {}).get(name) for name in _KEPT} | {n: given[n] for n in _KEPT if n in given}
    document: Document = {
        **_defaults(subject),
        **{name: value for name, value in kept.items() if value is not None},
        "generationId": (old or {}).get("generationId") or str(secrets.randbelow(10**18)),
        "etag": etags.fresh(),
        "authentication": _authentication(old, given.get("authentication") or {}),
    }
    if subject.module is None:
        capabilities = given.get("capabilities") or (old or {}).get("capabilities") or {}
        if not isinstance(capabilities, dict):
            raise InvalidRequestError("capabilities: a JSON object")
        document["capabilities"] = {"iotEdge": capabilities.get("iotEdge") is True}
        _set_scope(document)
    return document


def _set_scope(document: Document) -> None:
    """An edge device has a scope of its own; of any other it names the parent (spec E.3)."""
    parents = document.get("parentScopes") or []
    if not isinstance(document.get("deviceScope") or "", str) or not isinstance(parents, list):
        raise InvalidRequestError("deviceScope: a text; parentScopes: a list of texts")
    if document["capabilities"]["iotEdge"]:
        document["deviceScope"] = scope_of(document["deviceId"], document["generationId"])
    elif document.get("deviceScope") or parents:
        scope = document.get("deviceScope") or parents[0]
        document |= {"deviceScope": scope, "parentScopes": [scope]}


def _authentication(old: Document | None, given: Any) -> Document:
    if not isinstance(given, dict):
        raise InvalidRequestError("authentication: a JSON object")
    before = (old or {}).get("authentication") or _sas("", "")
    kind = given.get("type") or before["type"]
    if kind not in _TYPES:
        raise InvalidRequestError(f"authentication.type: one of {', '.join(_TYPES)}")
    if kind != "sas":
        thumbprints = given.get("x509Thumbprint") or before.get("x509Thumbprint")
        return {"type": kind, "symmetricKey": None, "x509Thumbprint": thumbprints}
    keys, had = given.get("symmetricKey") or {}, before.get("symmetricKey") or {}
    return _sas(*(_key(name, keys, had) for name in ("primaryKey", "secondaryKey")))


def _key(name: str, keys: Any, had: Mapping[str, str]) -> str:
    """The given one, else the one it had, else a new one."""
    given = keys.get(name) if isinstance(keys, dict) else None
    if not given:
        return had.get(name) or base64.b64encode(secrets.token_bytes(32)).decode()
    try:
        if isinstance(given, str) and len(sas.decode_key(given)) in _KEY_BYTES:
            return given
    except ValueError:
        pass
    raise InvalidRequestError(
        f"authentication.symmetricKey.{name}: base64 of {_KEY_BYTES.start} to {_KEY_BYTES.stop - 1} bytes"
    )


def _sas(primary: str, secondary: str) -> Document:
    return {
        "type": "sas",
        "symmetricKey": {"primaryKey": primary, "secondaryKey": secondary},
        "x509Thumbprint": {"primaryThumbprint": None, "secondaryThumbprint": None},
    }


def _kind(subject: ClientId) -> str:
    return "Device" if subject.module is None else "Module"


def _missing(subject: ClientId) -> MissingError:
    return MissingError(_kind(subject), subject.module or subject.device)
