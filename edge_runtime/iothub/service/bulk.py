"""Many identities in one call: `POST /devices` with a list of ExportImportDevice (spec E.2)."""

from __future__ import annotations

from typing import Any

from edge_runtime.hub.message import ClientId
from edge_runtime.iothub.service import etags
from edge_runtime.iothub.service.documents import Document
from edge_runtime.iothub.service.errors import InvalidRequestError, ServiceError, UnavailableError
from edge_runtime.iothub.service.registry import Registry
from edge_runtime.iothub.service.twins import Twins

MOST = 100
_MODES = (
    "create",
    "update",
    "updateIfMatchETag",
    "delete",
    "deleteIfMatchETag",
    "updateTwin",
    "updateTwinIfMatchETag",
)
_OF_IDENTITY = ("status", "statusReason", "authentication", "capabilities", "deviceScope", "parentScopes")


class DefinedTwiceError(ServiceError):
    """A device or module stands in the list more than once."""

    code = "DeviceDefinedMultipleTimes"


async def bulk(registry: Registry, twins: Twins, body: Any) -> Document:
    """A BulkRegistryOperationResult: each entry is taken or refused by itself, in order.

    Raises InvalidRequestError when the list itself is wrong, UnavailableError.
    """
    if not isinstance(body, list) or not 1 <= len(body) <= MOST:
        raise InvalidRequestError(f"the body must be a list of 1 to {MOST} devices")
    subjects = [_subject(entry, place) for place, entry in enumerate(body)]
    errors: list[Document] = []
    for subject, entry in zip(subjects, body, strict=True):
        try:
            if subjects.count(subject) > 1:
                raise DefinedTwiceError(f"{subject} stands in the list more than once")
            await _apply(registry, twins, subject, entry)
        except UnavailableError:
            raise
        except ServiceError as error:
            errors.append(_error(subject, error, entry.get("importMode")))
    return {"isSuccessful": not errors, "errors": errors, "warnings": []}


def _subject(entry: Any, place: int) -> ClientId:
    device = entry.get("id") if isinstance(entry, dict) else None
    module = entry.get("moduleId") if isinstance(entry, dict) else None
    if not isinstance(device, str) or not device or not (module is None or isinstance(module, str)):
        raise InvalidRequestError(f"entry {place}: id is a device's id, moduleId a module's")
    return ClientId(device, module or None)


async def _apply(registry: Registry, twins: Twins, subject: ClientId, entry: Document) -> None:
    mode = entry.get("importMode") or "create"
    if mode not in _MODES:
        raise InvalidRequestError(f"importMode: one of {', '.join(_MODES)}")
    of_twin = mode.startswith("updateTwin")
    if_match: str | None = etags.ANY
    if mode.endswith("IfMatchETag"):
        if_match = etags.wanted(_text(entry, "twinETag" if of_twin else "eTag"))
    if of_twin:
        await twins.patch(subject, _twin(entry), if_match)
    elif mode.startswith("delete"):
        await registry.delete(subject, if_match)
    else:
        identity = {name: entry[name] for name in _OF_IDENTITY if entry.get(name) is not None}
        await registry.put(subject, identity, None if mode == "create" else if_match)
        twin = _twin(entry)
        if twin:
            await twins.patch(subject, twin, etags.ANY)


def _twin(entry: Document) -> Document:
    """What of a twin the entry has; reported properties are the device's alone."""
    properties = entry.get("properties") or {}
    if not isinstance(properties, dict):
        raise InvalidRequestError("properties: a JSON object")
    twin: Document = {"tags": entry["tags"]} if entry.get("tags") else {}
    if properties.get("desired"):
        twin["properties"] = {"desired": properties["desired"]}
    return twin


def _text(entry: Document, name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"{name}: the ETag to compare with")
    return value


def _error(subject: ClientId, error: ServiceError, mode: Any) -> Document:
    return {
        "deviceId": subject.device,
        "moduleId": subject.module,
        "errorCode": error.code,
        "errorStatus": str(error),
        "operation": mode,
    }
