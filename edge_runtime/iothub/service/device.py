"""The device that runs here, and those beside it, as the service API uses them.

Identities of the device, twins and methods live in the hub process.

This is the one place where the control API's refusals become the service API's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from edge_runtime.hub.message import ClientId
from edge_runtime.iothub.service.errors import (
    BadAnswerError,
    InvalidRequestError,
    MissingError,
    NoAnswerError,
    NotOnlineError,
    ServiceError,
    UnavailableError,
)
from edge_runtime.supervisor.control_client import ControlClient, ControlError, HubUnreachableError

_MARGIN_S = 10.0


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """The device (`module` None) or one of its modules. `deployed`: the deployment made it, no caller of ours."""

    module: str | None
    generation_id: str
    primary_key: str = field(repr=False)
    secondary_key: str = field(repr=False)
    connected: bool
    deployed: bool


@dataclass(frozen=True, slots=True)
class Clients:
    """`own`: the device's identities by module, its own under None. `connected`: of the devices beside it."""

    own: dict[str | None, OwnIdentity]
    connected: frozenset[str]


class RunningDevice:
    """A subject is the device, one of its modules, or a device beside it.

    `deploy` takes the `modulesContent` of a deployment.
    """

    def __init__(
        self, name: str, control: ControlClient, deploy: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        self.name = name
        self._control = control
        self._deploy = deploy

    async def identities(self) -> dict[str | None, OwnIdentity]:
        """By module; the device's own under None."""
        return (await self.clients()).own

    async def clients(self) -> Clients:
        """Who is known to the hub, and who of them is connected."""
        document = await self._call(self._control.clients)
        own: dict[str | None, OwnIdentity] = {
            entry["module"]: OwnIdentity(
                module=entry["module"],
                generation_id=entry["generationId"],
                primary_key=entry["primaryKey"],
                secondary_key=entry["secondaryKey"],
                connected=entry["connected"],
                deployed=entry["deployed"],
            )
            for entry in document["identities"]
        }
        return Clients(own, frozenset(name for name, connected in document["devices"].items() if connected))

    async def put_identity(self, module: str | None, primary_key: str, secondary_key: str) -> None:
        await self._call(self._control.put_identity, module, primary_key, secondary_key)

    async def delete_identity(self, module: str) -> None:
        await self._call(self._control.delete_identity, module)

    async def put_device(self, device: str, entry: dict[str, Any]) -> None:
        """A device beside this one; `entry` as in `scope.hub_entry`."""
        await self._call(self._control.put_device, device, entry)

    async def put_devices(self, entries: dict[str, dict[str, Any]]) -> None:
        """All devices beside this one."""
        await self._call(self._control.put_devices, entries)

    async def delete_device(self, device: str) -> None:
        """One that the hub does not know is deleted already."""
        with contextlib.suppress(MissingError):
            await self._call(self._control.delete_device, device)

    async def twin(self, subject: ClientId) -> dict[str, Any]:
        """`{"desired": {.., "$version"}, "reported": {.., "$version"}}`."""
        twin: dict[str, Any] = await self._call(self._control.twin, subject.module, self._beside(subject))
        return twin

    async def patch_desired(self, subject: ClientId, patch: Any) -> None:
        await self._call(self._control.patch_desired, subject.module, patch, self._beside(subject))

    async def replace_desired(self, subject: ClientId, section: Any) -> None:
        await self._call(self._control.replace_desired, subject.module, section, self._beside(subject))

    async def invoke(self, subject: ClientId, call: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """`{"status", "payload"}`."""
        try:
            result: dict[str, Any] = await self._call(
                self._control.invoke, subject.module, call, timeout_s + _MARGIN_S, self._beside(subject)
            )
        except MissingError as error:
            raise NotOnlineError(str(error)) from error
        return result

    async def deploy(self, modules_content: dict[str, Any]) -> None:
        """Make it what runs; returns when the hub has taken it."""
        try:
            await self._deploy(modules_content)
        except (ControlError, HubUnreachableError) as error:
            raise _translated(error, self.name) from error

    def _beside(self, subject: ClientId) -> str | None:
        return None if subject.device == self.name else subject.device

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await asyncio.to_thread(function, *arguments)
        except (ControlError, HubUnreachableError) as error:
            raise _translated(error, self.name) from error


def _translated(error: ControlError | HubUnreachableError, device: str) -> ServiceError:
    if isinstance(error, HubUnreachableError):
        return UnavailableError(str(error))
    match error.status:
        case 404:
            missing = MissingError("Module", device)
            missing.args = (str(error),)
            return missing
        case 502:
            return BadAnswerError(str(error))
        case 504:
            return NoAnswerError(str(error))
        case _:
            return InvalidRequestError(str(error))
