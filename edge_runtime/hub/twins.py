"""Twins of modules and devices: in memory for reading, durable before a write is confirmed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import dataclass, field

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import JsonObject
from edge_runtime.hub.twin_rules import difference, merge, validate_patch, validate_size


@dataclass(slots=True)
class Section:
    """Desired or reported properties. Versions start at 1: the SDK takes 0 for none (spec B.7)."""

    properties: JsonObject = field(default_factory=dict)
    version: int = 1

    def with_version(self) -> JsonObject:
        return {**self.properties, "$version": self.version}

    def dump(self) -> str:
        return json.dumps(self.with_version(), separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Section:
        properties = json.loads(text)
        return cls(version=properties.pop("$version"), properties=properties)


@dataclass(slots=True)
class Twin:
    desired: Section = field(default_factory=Section)
    reported: Section = field(default_factory=Section)


class Twins:
    """All twins of one device."""

    def __init__(self, connection: sqlite3.Connection, commits: CommitThread) -> None:
        self._commits = commits
        self._twins = {
            client: Twin(Section.load(desired), Section.load(reported))
            for client, desired, reported in connection.execute("SELECT client, desired, reported FROM twins")
        }

    def read(self, client: ClientId) -> JsonObject:
        twin = self._twins.get(str(client)) or Twin()
        return {"desired": twin.desired.with_version(), "reported": twin.reported.with_version()}

    def desired(self, client: ClientId) -> JsonObject:
        twin = self._twins.get(str(client))
        return {} if twin is None else twin.desired.properties

    def report(self, client: ClientId, patch: JsonObject) -> asyncio.Future[int]:
        """Merge a reported patch, on its way to the disk at once. Raises InvalidTwinError; the version when durable."""
        twin = self._twins.setdefault(str(client), Twin())
        return self._write(
            client, twin, twin.reported, merge(twin.reported.properties, validate_patch(patch))
        )

    async def patch_desired(self, client: ClientId, patch: JsonObject) -> int:
        """Merge a desired patch from the service's side."""
        twin = self._twins.setdefault(str(client), Twin())
        return await self._write(
            client, twin, twin.desired, merge(twin.desired.properties, validate_patch(patch))
        )

    async def replace_desired(self, client: ClientId, properties: JsonObject) -> JsonObject:
        """Replace the desired section (a deployment); returns the patch that clients must be told.

        A deployment writes what the schema of `$edgeAgent` and `$edgeHub` asks for, so names are not
        validated here (`$schema` keys, dotted image names): the manifest's own check has done it.
        """
        twin = self._twins.setdefault(str(client), Twin())
        new = merge({}, properties)
        patch = difference(twin.desired.properties, new)
        if patch:
            await self._write(client, twin, twin.desired, new, limit=False)
        return patch

    async def delete(self, client: ClientId) -> None:
        if self._twins.pop(str(client), None) is not None:
            await self._commits.run("DELETE FROM twins WHERE client = ?", [(str(client),)])

    def _write(
        self, client: ClientId, twin: Twin, section: Section, properties: JsonObject, *, limit: bool = True
    ) -> asyncio.Future[int]:
        if limit:
            validate_size(properties)
        section.properties = properties
        section.version += 1
        version = section.version
        row = (str(client), twin.desired.dump(), twin.reported.dump())
        durable: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not durable.done():
                durable.set_result(version)

        self._commits.submit("INSERT OR REPLACE INTO twins VALUES (?, ?, ?)", [row], done)
        return durable
