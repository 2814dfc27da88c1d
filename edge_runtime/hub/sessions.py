"""Persistent sessions: the subscriptions of clients that connect without clean session.

The Python SDK never subscribes again after a reconnect (spec A.7), so a session that is lost leaves a module
deaf on a connection that looks healthy.
"""

from __future__ import annotations

import json
import sqlite3

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.message import ClientId

Subscriptions = dict[str, int]


class Sessions:
    def __init__(self, connection: sqlite3.Connection, commits: CommitThread) -> None:
        self._commits = commits
        self._sessions: dict[str, Subscriptions] = {
            client: json.loads(text)
            for client, text in connection.execute("SELECT client, subscriptions FROM sessions")
        }

    def load(self, client: ClientId) -> Subscriptions | None:
        """Filter -> QoS, None when the client has no session."""
        stored = self._sessions.get(str(client))
        return None if stored is None else dict(stored)

    async def save(self, client: ClientId, subscriptions: Subscriptions | None) -> None:
        """Store or (None) delete; returns when durable."""
        name = str(client)
        if subscriptions is None:
            if self._sessions.pop(name, None) is not None:
                await self._commits.run("DELETE FROM sessions WHERE client = ?", [(name,)])
            return
        self._sessions[name] = dict(subscriptions)
        await self._commits.run(
            "INSERT OR REPLACE INTO sessions VALUES (?, ?)", [(name, json.dumps(subscriptions))]
        )
