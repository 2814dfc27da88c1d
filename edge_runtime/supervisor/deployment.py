"""What the device is to run: first the manifest's word, from then on that of `$edgeAgent`'s twin."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from edge_runtime.agent.engine import Identity
from edge_runtime.agent.reported import NO_DEPLOYMENT, UNREADABLE, UNSUPPORTED_SCHEMA, DesiredStatus
from edge_runtime.agent.restart import RECONCILE_S
from edge_runtime.manifest import ModuleSpec
from edge_runtime.manifest.located_json import read
from edge_runtime.manifest.modules import module_problem, module_specs
from edge_runtime.supervisor.control_client import ControlClient, ControlError, HubUnreachableError

_log = logging.getLogger(__name__)
_AGENT, _HUB = "$edgeAgent", "$edgeHub"
_DESIRED = "properties.desired"
WATCH_S = RECONCILE_S
_SCHEMAS = re.compile(r"1\.[01](\.\d+){0,2}")
TWIN_MEND = (
    "the modules stay as they were until the twin is mended (python -m edge_runtime twin '$edgeAgent' --patch JSON) "
    "or another deployment comes"
)


Apply = Callable[[tuple[ModuleSpec, ...] | None, Mapping[str, Identity], DesiredStatus], None]
"""Modules, their identities, and how it went; without modules those that ran before go on."""


class InvalidDesiredError(Exception):
    """`$edgeAgent`'s desired properties cannot be read; what ran before goes on. `code` is what is reported of it."""

    code = UNREADABLE


class UnsupportedSchemaError(InvalidDesiredError):
    """Their schema is not one that this agent knows."""

    code = UNSUPPORTED_SCHEMA


class NoDeploymentError(InvalidDesiredError):
    """There are none."""

    code = NO_DEPLOYMENT


class Deployment:
    """Keeps the hub configured and `apply` informed of the modules that are desired.

    `synced` is told of each reading of the desired properties whether it went well, `system_modules` of what each
    deployment says of edgeAgent and edgeHub.

    A new configuration may come through the control API while the device runs, so after its first
    application the manifest is not pressed on the hub again: a hub that was restarted is told what its
    own twins hold, which makes it serve the modules' sockets without undoing anything.
    """

    def __init__(
        self,
        client: ControlClient,
        content: Mapping[str, Any],
        apply: Apply,
        configure_engine: Callable[[Mapping[str, Any]], None],
        synced: Callable[[bool], None] = lambda _well: None,
        system_modules: Callable[[tuple[ModuleSpec, ...]], None] = lambda _specs: None,
    ) -> None:
        self._client = client
        self._content = dict(content)
        self._apply = apply
        self._configure_engine = configure_engine
        self._synced = synced
        self._system_modules = system_modules
        self._identities: dict[str, Identity] = {}
        self._version = 0
        self._configured = False
        self._lock = asyncio.Lock()

    async def configure(self) -> None:
        """Tell a hub that has just started. Raises ControlError, HubUnreachableError, InvalidDesiredError."""
        async with self._lock:
            content = await asyncio.to_thread(self._twins) if self._configured else self._content
            await self._put(content)
            self._configured = True
            await self._take_up(again=True)

    async def deploy(self, content: Mapping[str, Any]) -> None:
        """Make this what runs, as `run MANIFEST` does: identities, routes, twins, then the modules.

        Where a twin has been patched since the same content was deployed, that is undone.
        Raises ControlError, HubUnreachableError, InvalidDesiredError: the modules stay as they were.
        """
        specs_of(content[_AGENT][_DESIRED])
        async with self._lock:
            await self._put(content)
            self._configured = True
            for module, section in content.items():
                await asyncio.to_thread(self._client.replace_desired, module, section[_DESIRED])
            await self._take_up(again=True)

    async def watch(self) -> None:
        """Look for new desired properties every five seconds, as edgeAgent's reconcile loop does."""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                async with self._lock:
                    if self._configured:
                        await self._take_up(again=False)
            except HubUnreachableError:
                continue
            except (ControlError, InvalidDesiredError) as error:
                _log.warning("%s; %s", error, TWIN_MEND)

    async def _take_up(self, *, again: bool) -> None:
        desired = await self._read()
        version = desired["$version"]
        if version == self._version and not again:
            return
        try:
            specs = specs_of(desired)
            if {spec.name for spec in specs} - self._identities.keys():
                await self._put(await asyncio.to_thread(self._twins))
        except (InvalidDesiredError, ControlError) as error:
            self._version = version
            code = error.code if isinstance(error, InvalidDesiredError) else UNREADABLE
            self._apply(None, {}, DesiredStatus(version, code, str(error)))
            raise
        self._version = version
        self._configure_engine(desired.get("runtime") or {})
        self._system_modules(module_specs(read(json.dumps(desired)).root, "systemModules"))
        self._apply(specs, self._identities, DesiredStatus(version))

    async def _read(self) -> dict[str, Any]:
        try:
            twin = await asyncio.to_thread(self._client.twin, _AGENT)
        except (ControlError, HubUnreachableError):
            self._synced(False)
            raise
        self._synced(True)
        return dict(twin["desired"])

    async def _put(self, content: Mapping[str, Any]) -> None:
        answer = await asyncio.to_thread(self._client.configure, dict(content))
        self._identities = {
            name: Identity(entry["generationId"], entry["workloadUri"]) for name, entry in answer.items()
        }

    def _twins(self) -> dict[str, Any]:
        """A configuration that says what the hub's twins say; the manifest's when the twins are empty."""
        desired = {name: self._client.twin(name)["desired"] for name in (_AGENT, _HUB)}
        if not desired[_AGENT].get("modules") or not desired[_HUB].get("schemaVersion"):
            return self._content
        return {
            name: {_DESIRED: {key: value for key, value in section.items() if key != "$version"}}
            for name, section in desired.items()
        }


def specs_of(desired: Mapping[str, Any]) -> tuple[ModuleSpec, ...]:
    """The modules of `$edgeAgent`'s desired properties. Raises InvalidDesiredError."""
    _check_schema(desired)
    named = desired.get("modules", {})
    if not isinstance(named, dict):
        raise InvalidDesiredError(
            "$edgeAgent: modules must be an object: a module's name, then what it needs"
        )
    if not isinstance(desired.get("runtime") or {}, dict):
        raise InvalidDesiredError("$edgeAgent: runtime must be an object with type and settings")
    specs = module_specs(read(json.dumps(desired)).root, "modules")
    broken = sorted(set(named) - {spec.name for spec in specs})
    if broken:
        raise InvalidDesiredError(f"$edgeAgent: {module_problem(broken[0], named[broken[0]])}")
    return specs


def _check_schema(desired: Mapping[str, Any]) -> None:
    if not desired.keys() - {"$version"}:
        raise NoDeploymentError(
            "This device has an empty configuration for the edge agent. Please set a deployment manifest."
        )
    schema = desired.get("schemaVersion")
    if not isinstance(schema, str) or not _SCHEMAS.fullmatch(schema):
        raise UnsupportedSchemaError(
            f"$edgeAgent: schemaVersion {json.dumps(schema)} is not supported; this agent knows 1.0 and 1.1"
        )
