"""Twins as the service sees them: tags, desired and reported properties, under one ETag (spec E.4).

Properties of the device that runs here, of its modules and of other devices live in the hub process, which pushes a
change to the client; tags, which no client sees, and the twins of other devices' modules live in documents.
"""

from __future__ import annotations

from typing import Any

from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import InvalidTwinError
from edge_runtime.hub.twin_rules import merge, validate_patch, validate_size
from edge_runtime.iothub.service import etags
from edge_runtime.iothub.service.device import RunningDevice
from edge_runtime.iothub.service.documents import Document, Documents
from edge_runtime.iothub.service.errors import InvalidRequestError
from edge_runtime.iothub.service.registry import NEVER, Registry

MAX_TAGS_BYTES = 8 * 1024
_TAGS, _TWIN = "tags", "twin"
DEPLOYED = "deployed"
"""Documents by device: which automatic deployments it has (`states`)."""


class Twins:
    """Calls must not overlap: the service serves one change at a time."""

    def __init__(self, documents: Documents, registry: Registry, device: RunningDevice) -> None:
        self._documents = documents
        self._registry = registry
        self._device = device

    async def read(self, subject: ClientId) -> Document:
        """Raises MissingError."""
        return await self.of(await self._registry.get(subject))

    async def of(self, identity: Document) -> Document:
        """The twin of a device or module of the registry."""
        subject = ClientId(identity["deviceId"], identity.get("moduleId"))
        tags = self._tags(subject)
        properties = await self._properties(subject)
        desired_version = properties["desired"]["$version"]
        twin: Document = {
            "deviceId": subject.device,
            "etag": etags.of_versions(tags["version"], desired_version),
            "deviceEtag": identity["etag"],
            "status": identity.get("status", "enabled"),
            "statusReason": identity.get("statusReason"),
            "statusUpdateTime": NEVER,
            "connectionState": identity["connectionState"],
            "lastActivityTime": NEVER,
            "cloudToDeviceMessageCount": identity["cloudToDeviceMessageCount"],
            "authenticationType": identity["authentication"]["type"],
            "x509Thumbprint": identity["authentication"].get("x509Thumbprint"),
            "version": tags["version"] + desired_version,
            "tags": tags["tags"],
            "properties": properties,
        }
        if subject.module == "$edgeAgent":
            deployed = self._documents.get(DEPLOYED, subject.device) or {}
            twin["configurations"] = deployed.get("states", {})
        if subject.module is not None:
            return {**twin, "moduleId": subject.module}
        scopes = {name: identity.get(name) for name in ("deviceScope", "parentScopes")}
        return {**twin, "capabilities": identity["capabilities"], **scopes}

    async def patch(self, subject: ClientId, body: Any, if_match: str | None) -> Document:
        """Merge `tags` and `properties.desired`; null deletes.

        Raises MissingError, ChangedError, InvalidRequestError.
        """
        await self._require(subject, if_match)
        tags, desired = _sections(body)
        if tags is not None:
            tags = _checked_tags(merge(self._tags(subject)["tags"], _valid(tags, "tags")))
        # What can be refused comes first: a change is taken whole or not at all.
        if desired is not None:
            await self._patch_desired(subject, desired)
        if tags is not None:
            await self._put_tags(subject, tags)
        return await self.read(subject)

    async def replace(self, subject: ClientId, body: Any, if_match: str | None) -> Document:
        """Put both sections in place; a missing one is emptied. Raises as `patch` does."""
        await self._require(subject, if_match)
        tags, desired = _sections(body)
        tags = _checked_tags(merge({}, _valid(tags or {}, "tags")))
        await self._replace_desired(subject, desired or {})
        await self._put_tags(subject, tags)
        return await self.read(subject)

    async def _require(self, subject: ClientId, if_match: str | None) -> None:
        etags.require(str(subject), (await self.read(subject))["etag"], if_match)

    async def _patch_desired(self, subject: ClientId, patch: Any) -> None:
        if self._in_hub(subject):
            await self._device.patch_desired(subject, patch)
            return
        section = (await self._properties(subject))["desired"]
        await self._put_section(subject, merge(section, _valid(patch, "properties.desired")))

    async def _replace_desired(self, subject: ClientId, section: Any) -> None:
        if self._in_hub(subject):
            await self._device.replace_desired(subject, section)
        else:
            await self._put_section(subject, merge({}, _valid(section, "properties.desired")))

    async def _properties(self, subject: ClientId) -> Document:
        if self._in_hub(subject):
            return await self._device.twin(subject)
        return self._documents.get(_TWIN, str(subject)) or {
            "desired": {"$version": 1},
            "reported": {"$version": 1},
        }

    def _in_hub(self, subject: ClientId) -> bool:
        return subject.device == self._device.name or subject.module is None

    async def _put_section(self, subject: ClientId, section: Document) -> None:
        try:
            validate_size(section)
        except InvalidTwinError as error:
            raise InvalidRequestError(f"properties.desired: {error}") from error
        old = await self._properties(subject)
        desired = {**section, "$version": old["desired"]["$version"] + 1}
        await self._documents.put(_TWIN, str(subject), {**old, "desired": desired})

    def _tags(self, subject: ClientId) -> Document:
        return self._documents.get(_TAGS, str(subject)) or {"version": 1, "tags": {}}

    async def _put_tags(self, subject: ClientId, tags: Document) -> None:
        old = self._tags(subject)
        if old["tags"] != tags:
            await self._documents.put(_TAGS, str(subject), {"version": old["version"] + 1, "tags": tags})


def _sections(body: Any) -> tuple[Any, Any]:
    """`tags` and `properties.desired`, None for one that is not given."""
    if not isinstance(body, dict):
        raise InvalidRequestError("the body must be a Twin as JSON object")
    properties = body.get("properties") or {}
    if not isinstance(properties, dict):
        raise InvalidRequestError("properties: a JSON object")
    return body.get("tags"), properties.get("desired")


def _valid(section: Any, name: str) -> Document:
    try:
        return validate_patch(section)
    except InvalidTwinError as error:
        raise InvalidRequestError(f"{name}: {error}") from error


def _checked_tags(tags: Document) -> Document:
    try:
        validate_size(tags, MAX_TAGS_BYTES)
    except InvalidTwinError as error:
        raise InvalidRequestError(f"tags: {error}") from error
    return tags
