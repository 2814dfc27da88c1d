from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import StoreError, open_database
from edge_runtime.hub.message import Message
from edge_runtime.hub.queue_store import DEFAULT_PRIORITY, QueueStore, priority_rank, rank_priority
from tests.hub.messages import CAMERA, ENDPOINT, append, message, number


async def test_a_queue_is_read_in_the_order_of_storing(store: QueueStore) -> None:
    for n in range(20):
        await append(store, n)
    rows = await store.read(ENDPOINT, 0, 0, 100)
    assert [number(row) for row in rows] == list(range(20))
    assert rows[0].message == message(0)


async def test_properties_come_back_as_they_were(store: QueueStore) -> None:
    """Names and values are the sender's: any text, half a surrogate pair among them, and no value at all."""
    app = {'"': "\\", "a\n\0": "é\U0001f600", "\ud800": "", "without": None}
    odd = Message(CAMERA, None, app, {"messageId": '"}'}, b"")
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    store.append([(ENDPOINT, 0, None)], odd, lambda _: done.set_result(None))
    await done
    assert [row.message for row in await store.read(ENDPOINT, 0, 0, 10)] == [odd]


async def test_queues_do_not_see_each_other(store: QueueStore) -> None:
    await append(store, 1, priority=0)
    await append(store, 2, priority=9)
    await append(store, 3, priority=DEFAULT_PRIORITY)
    await append(store, 4, endpoint="iothub")
    assert await store.occupied(ENDPOINT) == [0, 9, 15]
    assert [number(row) for row in await store.read(ENDPOINT, 9, 0, 10)] == [2]
    assert [number(row) for row in await store.read("iothub", 0, 0, 10)] == [4]


@pytest.mark.parametrize(
    ("priority", "rank"),
    [(0, 0), (9, 9), (DEFAULT_PRIORITY, 15)],  # absent priority is less urgent than 9
)
def test_priority_ranks(priority: int, rank: int) -> None:
    assert priority_rank(priority) == rank
    assert rank_priority(rank) == priority


async def test_a_sequence_is_never_used_twice_even_when_nothing_is_left(
    database: Path, commits: CommitThread
) -> None:
    first = QueueStore(database, commits)
    stored = await append(first, 1)
    first.remove([stored.key])
    await append(first, 2, endpoint="iothub")
    first.close()
    second = QueueStore(database, commits)
    assert (await append(second, 3)).sequence > stored.sequence + 1
    second.close()


async def test_endpoints_keep_their_number_over_a_restart(database: Path, commits: CommitThread) -> None:
    first = QueueStore(database, commits)
    await append(first, 1, endpoint="a/b/c")
    await append(first, 2, endpoint="a/b/d")
    first.close()
    second = QueueStore(database, commits)
    assert [number(row) for row in await second.read("a/b/d", 0, 0, 10)] == [2]
    second.close()


def test_the_store_is_private(database: Path) -> None:
    assert database.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"not a database at all, by no means" * 100])
def test_a_store_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"hub\.db: the store cannot be opened"):
        open_database(path)
    assert path.read_bytes() == content


def test_a_store_of_a_newer_version_is_refused(database: Path) -> None:
    connection = open_database(database)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        open_database(database)
