"""Takes up a deployment: identities, routes and the modules' desired properties."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.facts import deployed, registered
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import HubError, InvalidTwinError, JsonObject
from edge_runtime.hub.router import InvalidRoutesError, Router
from edge_runtime.hub.twin_rules import MAX_TEXT_BYTES, merge, validate_patch, validate_size

SYSTEM_MODULES = ("$edgeAgent", "$edgeHub")


class InvalidConfigurationError(HubError):
    """The deployment cannot be taken; the old one stays active."""


async def apply_configuration(hub: EdgeHub, document: Any) -> list[str]:
    """Apply `{"modulesContent": {...}}` whole, or refuse it whole; returns the user modules' names.

    Desired properties of a module are replaced only when the deployment's own content for it
    has changed since it was applied last: a restart does not undo what was patched since.

    Raises:
        InvalidConfigurationError: the content is not a deployment, or one of its routes is broken.
    """
    content = _modules_content(document)
    hub_desired = content["$edgeHub"]
    modules = _module_names(content["$edgeAgent"])
    router = await _router(hub, hub_desired)
    for client in hub.identities.others([*SYSTEM_MODULES, *modules]):
        if hub.facts.get(registered(client)) is None:
            await hub.forget(client)
    await hub.identities.ensure([*SYSTEM_MODULES, *modules])
    hub.identities.modules_told = True
    for module, desired in content.items():
        await _deploy_twin(hub, ClientId(hub.device_id, module), desired)
    await _report_status(hub, 200, "")
    hub.set_router(router)
    return modules


async def patch_desired(hub: EdgeHub, client: ClientId, patch: Any) -> int:
    """A desired patch from the service's side; one of `$edgeHub` changes the routes, or is refused whole.

    Raises:
        InvalidTwinError: the patch breaks the twin rules.
        InvalidConfigurationError: the routes would be broken.
    """
    if client.module != "$edgeHub":
        return await hub.patch_desired(client, patch)
    desired = merge(hub.twins.desired(client), validate_patch(patch))
    validate_size(desired)  # before routes are compiled, for that takes long
    router = await _router(hub, desired)
    version = await hub.patch_desired(client, patch)
    await _report_status(hub, 200, "")
    hub.set_router(router)
    return version


async def replace_desired(hub: EdgeHub, client: ClientId, section: Any) -> int:
    """A whole desired section from the service's side, as a patch is treated; the version, new if it changed.

    What a deployment may hold in the twins of the system modules breaks the rules of names, so only their
    shape is looked at.

    Raises:
        InvalidTwinError: the section breaks the twin rules.
        InvalidConfigurationError: the routes would be broken.
    """
    if client.module not in SYSTEM_MODULES:
        validate_size(validate_patch(section))
    elif not isinstance(section, dict):
        raise InvalidTwinError(f"desired properties are a JSON object, not {type(section).__name__}")
    router = await _router(hub, merge({}, section)) if client.module == "$edgeHub" else None
    patch = await hub.twins.replace_desired(client, section)
    version = int(hub.twins.read(client)["desired"]["$version"])
    if patch:
        hub.push_desired(client, patch, version)
    if router is not None:
        await _report_status(hub, 200, "")
        hub.set_router(router)
    return version


async def _router(hub: EdgeHub, desired: JsonObject) -> Router:
    try:
        return Router(desired, device_id=hub.device_id)
    except InvalidRoutesError as error:
        description = f"Error while parsing desired properties - {error}"
        await _report_status(hub, 400, description[:MAX_TEXT_BYTES])
        raise InvalidConfigurationError(description) from error


async def _report_status(hub: EdgeHub, code: int, description: str) -> None:
    client = ClientId(hub.device_id, "$edgeHub")
    report = {
        "schemaVersion": "1.0",
        "lastDesiredVersion": hub.twins.read(client)["desired"]["$version"],
        "lastDesiredStatus": {"code": code, "description": description},
    }
    await hub.report(client, report)


async def _deploy_twin(hub: EdgeHub, client: ClientId, desired: JsonObject) -> None:
    name = deployed(client)
    digest = hashlib.sha256(json.dumps(desired, sort_keys=True).encode()).hexdigest()
    if hub.facts.get(name) == digest:
        return
    patch = await hub.twins.replace_desired(client, desired)
    await hub.facts.put(name, digest)
    if patch:
        hub.push_desired(client, patch, hub.twins.read(client)["desired"]["$version"])


def _modules_content(document: Any) -> dict[str, JsonObject]:
    """Module -> its `properties.desired`."""
    content = document.get("modulesContent") if isinstance(document, dict) else None
    if not isinstance(content, dict):
        raise InvalidConfigurationError('the document has no "modulesContent" object')
    sections: dict[str, JsonObject] = {}
    for module, section in content.items():
        desired = section.get("properties.desired") if isinstance(section, dict) else None
        if not isinstance(desired, dict):
            raise InvalidConfigurationError(f'modulesContent.{module}: no "properties.desired" object')
        sections[module] = desired
    for module in SYSTEM_MODULES:
        if module not in sections:
            raise InvalidConfigurationError(f"modulesContent.{module} is missing")
    return sections


def _module_names(agent: Mapping[str, Any]) -> list[str]:
    modules = agent.get("modules", {})
    if not isinstance(modules, dict):
        raise InvalidConfigurationError("$edgeAgent: modules must be an object")
    return list(modules)
