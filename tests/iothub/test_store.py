"""The upstream store: durable, once each, bounded, and honest about damage."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_runtime.iothub.event import Event
from edge_runtime.iothub.store import (
    Filter,
    StoreRefusedError,
    StoreUnusableError,
    UpstreamStore,
    _row,
    read_events,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def event(sequence: int, body: bytes = b"{}", module: str = "filter", output: str = "events") -> Event:
    at = NOW + timedelta(seconds=sequence)
    return Event("edge", sequence, module, output, at, {"n": str(sequence)}, {}, body)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "upstream.db"


@pytest.fixture
def store(path: Path) -> Iterator[UpstreamStore]:
    made = UpstreamStore(path)
    yield made
    made.close()


def sequences(path: Path, which: Filter = Filter(), limit: int | None = None) -> list[int]:  # noqa: B008
    return [found.sequence for _, found in read_events(path, which, limit)]


def test_what_is_stored_reads_back_whole_while_the_writer_is_open(store: UpstreamStore, path: Path) -> None:
    original = Event("edge", 7, "filter", None, NOW, {"a": None, "b": "ü"}, {"message-id": "m"}, b"\x00\xff")
    store.add([original])
    assert list(read_events(path, Filter())) == [(1, original)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_batch_sent_twice_is_stored_once(store: UpstreamStore, path: Path) -> None:
    batch = [event(1), event(2)]
    assert len(store.add(batch)) == 2
    assert store.add(batch) == []
    assert [found.sequence for _, found in store.add([event(2), event(3)])] == [3]
    assert sequences(path) == [1, 2, 3]
    assert store.counters() == {"stored": 3, "duplicates": 3}


def test_a_batch_is_compared_with_what_has_its_numbers_alone(store: UpstreamStore) -> None:
    """Else an urgent message before the oldest of a backlog would have all between them read for each batch."""
    store.add([event(number) for number in range(1, 50)])
    rows = [_row(event(number)) for number in (0, 7, 60)]
    assert store._stored(rows) == {rows[1][:3]}


def test_the_same_number_with_another_content_is_another_message(store: UpstreamStore, path: Path) -> None:
    """The hub's numbers start again when its store is begun anew."""
    store.add([event(1, b"before")])
    store.add([event(1, b"after")])
    assert [found.body for _, found in read_events(path, Filter())] == [b"before", b"after"]


def test_a_store_that_stays_full_is_told_of_sparsely(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = UpstreamStore(path, limit_bytes=2000)
    for number in range(120):
        store.add([event(number, b"x" * 700)])
    dropped = store.counters()["dropped_oldest"]
    assert dropped > 100
    told = [record.getMessage() for record in caplog.records]
    assert [text.split(": ")[-1] for text in told] == [
        f"{number} events dropped so far, the oldest" for number in (1, 10, 100)
    ]


def test_the_oldest_go_first_and_are_counted(path: Path) -> None:
    store = UpstreamStore(path, limit_bytes=3000)
    for number in range(1, 11):
        store.add([event(number, b"x" * 700)])
    kept = sequences(path)
    assert kept == list(range(11 - len(kept), 11))
    assert 2 <= len(kept) <= 3
    assert store.counters()["dropped_oldest"] == 10 - len(kept)
    store.close()
    reopened = UpstreamStore(path, limit_bytes=1000)
    reopened.add([event(11, b"x" * 2000)])
    assert sequences(path) == [11], "the newest stays, however large"
    reopened.close()


@pytest.mark.parametrize(
    ("which", "limit", "expected"),
    [
        (Filter(), None, [1, 2, 3, 4]),
        (Filter(), 2, [3, 4]),
        (Filter(module="camera"), None, [2, 4]),
        (Filter(output="summaries"), None, [3, 4]),
        (Filter(module="camera", output="summaries"), None, [4]),
        (Filter(since=NOW + timedelta(seconds=3)), None, [3, 4]),
        (Filter(after_id=3), None, [4]),
        (Filter(module="x' OR '1'='1"), None, []),
    ],
)
def test_filters(
    store: UpstreamStore, path: Path, which: Filter, limit: int | None, expected: list[int]
) -> None:
    for number in range(1, 5):
        store.add(
            [
                event(
                    number,
                    module=["filter", "camera"][number % 2 == 0],
                    output=["events", "summaries"][number > 2],
                )
            ]
        )
    assert sequences(path, which, limit) == expected


def test_what_was_answered_survives_kill_9(path: Path) -> None:
    """The writer dies by SIGKILL right after `add` has returned, without closing anything."""
    code = f"""
import os, signal
from pathlib import Path
from tests.iothub.test_store import event
from edge_runtime.iothub.store import UpstreamStore
store = UpstreamStore(Path({str(path)!r}))
for number in range(1, 51):
    store.add([event(number)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert sequences(path) == list(range(1, 51))
    store = UpstreamStore(path)
    assert [added.sequence for _, added in store.add([event(50), event(51)])] == [51]
    store.close()


def test_synchronous_is_full(store: UpstreamStore) -> None:
    assert store._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("damage", ["garbage", "truncated", "page"])
def test_a_damaged_store_is_kept_aside_loudly_and_a_new_one_begins(
    path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = UpstreamStore(path)
    store.add([event(number, b"x" * 3000) for number in range(1, 20)])
    store.close()
    content = bytearray(path.read_bytes())
    match damage:
        case "garbage":
            path.write_bytes(b"no database" * 1000)
        case "truncated":
            path.write_bytes(content[: len(content) // 2])
        case _:
            content[4096:] = b"\xa5" * (len(content) - 4096)
            path.write_bytes(content)
    store = UpstreamStore(path)
    store.add([event(100)])
    store.close()
    assert 100 in sequences(path)
    assert "damaged" in caplog.text
    assert len(list(path.parent.glob("upstream.db.corrupt-*"))) == 1


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    UpstreamStore(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreUnusableError, match=r"newer version \(format 99"):
        UpstreamStore(path)


def test_a_place_that_cannot_be_written_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusableError, match=r"no/upstream\.db"):
        UpstreamStore(tmp_path / "no" / "upstream.db")


def test_a_full_disk_stores_nothing_says_so_and_recovers(store: UpstreamStore, path: Path) -> None:
    store.add([event(1)])
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreRefusedError, match="full"):
        store.add([event(2, b"x" * 10), event(3, b"x" * 100_000)])
    assert sequences(path) == [1]
    store._database.execute("PRAGMA max_page_count = 1000000")
    store.add([event(2), event(3)])
    assert sequences(path) == [1, 2, 3]
