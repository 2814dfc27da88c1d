from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.confirmations import Confirmations
from edge_runtime.hub.database import open_database
from edge_runtime.hub.queue_store import QueueStore


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "hub.db"
    open_database(path).close()
    return path


@pytest.fixture
async def commits(database: Path) -> AsyncIterator[CommitThread]:
    failures: list[Exception] = []
    thread = CommitThread(lambda: open_database(database), asyncio.get_running_loop(), failures.append)
    thread.start()
    yield thread
    thread.stop()
    assert failures == []


@pytest.fixture
async def store(database: Path, commits: CommitThread) -> AsyncIterator[QueueStore]:
    store = QueueStore(database, commits)
    yield store
    store.close()


@pytest.fixture
async def confirmations(database: Path, commits: CommitThread) -> AsyncIterator[Confirmations]:
    with closing(open_database(database)) as connection:
        confirmations = Confirmations(database, connection, commits)
    yield confirmations
    confirmations.close()
