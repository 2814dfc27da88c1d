"""A real full disk: a small tmpfs, where the kernel lets us mount one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import open_database
from edge_runtime.hub.queue_store import QueueStore
from tests.hub.messages import ENDPOINT, message, number
from tests.patience import PATIENCE_S

MESSAGES = 300


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


async def test_a_full_disk_stops_acknowledgement_and_space_resumes_it(small_disk: Path) -> None:
    database = small_disk / "hub.db"
    open_database(database).close()
    failures: list[Exception] = []
    commits = CommitThread(lambda: open_database(database), asyncio.get_running_loop(), failures.append)
    commits.start()
    store = QueueStore(database, commits)
    acknowledged: list[int] = []
    for n in range(MESSAGES):
        store.append([(ENDPOINT, 0, None)], message(n, 8192), lambda _, n=n: acknowledged.append(n))  # type: ignore[misc]
        await asyncio.sleep(0.001)
    async with asyncio.timeout(PATIENCE_S):
        while not commits.statistics.full_since:
            await asyncio.sleep(0.01)
    on_disk = await store.read(ENDPOINT, 0, 0, MESSAGES)
    assert {number(stored) for stored in on_disk} >= set(acknowledged)
    assert len(acknowledged) < MESSAGES
    open_database(database).close()  # a hub that starts now can still read what it has

    subprocess.run(["mount", "-o", "remount,size=32m", small_disk], check=True)  # noqa: ASYNC221
    async with asyncio.timeout(PATIENCE_S):
        while len(acknowledged) < MESSAGES:
            await asyncio.sleep(0.01)
    assert acknowledged == list(range(MESSAGES))
    assert failures == []
    commits.stop()
    store.close()
