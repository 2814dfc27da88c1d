"""Who may connect: the device, its modules and other devices, with their keys."""

from __future__ import annotations

import base64
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from edge_runtime.hub import sas
from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.message import ClientId


@dataclass(frozen=True, slots=True)
class Identity:
    """Keys are base64, 32 random bytes each, as IoT Hub makes them."""

    client: ClientId
    generation_id: str
    primary_key: str = field(repr=False)
    secondary_key: str = field(repr=False)

    @property
    def keys(self) -> tuple[bytes, bytes]:
        """Primary and secondary key, decoded."""
        return sas.decode_key(self.primary_key), sas.decode_key(self.secondary_key)


class Identities:
    """The edge device, its modules, and the devices beside it. Ids are compared ignoring case (spec A.5)."""

    def __init__(self, device_id: str, connection: sqlite3.Connection, commits: CommitThread) -> None:
        self._device_id = device_id
        self._commits = commits
        self.modules_told = self.devices_told = False
        self._identities: dict[str, Identity] = {}
        for row in connection.execute(
            "SELECT client, generation, primary_key, secondary_key FROM identities"
        ):
            device, _, module = row[0].partition("/")
            self._add(Identity(ClientId(device, module or None), row[1], row[2], row[3]))

    def may_be_told(self, client: ClientId) -> bool:
        """Whether an identity that is not here may still come, so that nobody is refused for good (spec A.7).

        Modules come with the first deployment of this run, other devices with the registry's list of them.
        """
        return not (self.modules_told if client.device == self._device_id else self.devices_told)

    def get(self, client: ClientId) -> Identity | None:
        return self._identities.get(str(client).casefold())

    def __iter__(self) -> Iterator[Identity]:
        return iter(list(self._identities.values()))

    @property
    def devices(self) -> list[ClientId]:
        """Devices other than the edge device."""
        clients = [identity.client for identity in self._identities.values()]
        return [c for c in clients if c.module is None and c.device != self._device_id]

    @property
    def modules(self) -> list[str]:
        return [i.client.module for i in self._identities.values() if i.client.module is not None]

    async def ensure(self, modules: Iterable[str]) -> None:
        """Make the device's identity and those of the modules that have none."""
        for client in [ClientId(self._device_id), *(ClientId(self._device_id, module) for module in modules)]:
            if self.get(client) is None:
                await self._create(client)

    def others(self, modules: Iterable[str]) -> list[ClientId]:
        """Modules that are not among these."""
        keep = {module.casefold() for module in modules}
        clients = [identity.client for identity in self._identities.values()]
        return [c for c in clients if c.module is not None and c.module.casefold() not in keep]

    def withdraw(self, client: ClientId) -> None:
        """From now on the client may not connect; `delete` makes that last."""
        self._identities.pop(str(client).casefold(), None)

    async def delete(self, client: ClientId) -> None:
        self.withdraw(client)
        await self._commits.run("DELETE FROM identities WHERE client = ?", [(str(client),)])

    async def put(self, client: ClientId, primary_key: str, secondary_key: str) -> None:
        """Make the identity with these keys, or give it these from now on."""
        old = self.get(client)
        generation = _new_generation() if old is None else old.generation_id
        await self._save(
            Identity(client if old is None else old.client, generation, primary_key, secondary_key)
        )

    async def _create(self, client: ClientId) -> None:
        await self._save(Identity(client, _new_generation(), _new_key(), _new_key()))

    async def _save(self, identity: Identity) -> None:
        row = (str(identity.client), identity.generation_id, identity.primary_key, identity.secondary_key)
        await self._commits.run("INSERT OR REPLACE INTO identities VALUES (?, ?, ?, ?)", [row])
        self._add(identity)

    def _add(self, identity: Identity) -> None:
        self._identities[str(identity.client).casefold()] = identity


def _new_generation() -> str:
    return str(secrets.randbelow(10**18))


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
