"""Small durable facts about clients, kept beside the messages."""

from __future__ import annotations

from collections.abc import Mapping

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.message import ClientId


class Facts:
    """In memory for reading; a write returns when it is durable."""

    def __init__(self, stored: Mapping[str, str], commits: CommitThread) -> None:
        self._facts = dict(stored)
        self._commits = commits

    def get(self, name: str) -> str | None:
        return self._facts.get(name)

    async def put(self, name: str, value: str) -> None:
        self._facts[name] = value
        await self._commits.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", [(name, value)])

    async def delete(self, *names: str) -> None:
        """Those that are there."""
        known = [name for name in names if self._facts.pop(name, None) is not None]
        if known:
            await self._commits.run("DELETE FROM meta WHERE name = ?", [(name,) for name in known])


def deployed(client: ClientId) -> str:
    """The name of the fact which desired properties were deployed last."""
    return f"deployed:{client}"


def registered(client: ClientId) -> str:
    """The name of the fact that a caller of the service made this identity: no deployment deletes it."""
    return f"registered:{client}"


def thumbprints(client: ClientId) -> str:
    """The name of the fact which certificates the client may show: their thumbprints, joined by commas."""
    return f"thumbprints:{client}"


def barred(client: ClientId) -> str:
    """The name of the fact why this identity, which exists, may not connect."""
    return f"barred:{client}"


def all_about(client: ClientId) -> tuple[str, ...]:
    """The names of all facts about a client."""
    return deployed(client), registered(client), barred(client), thumbprints(client)
