"""A damaged store is kept aside, read as far as possible, and told of; never passed over, never replaced by memory."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.hub import damage, salvage
from edge_runtime.hub.database import PAGE_BYTES, StoreClaim, StoreDamagedError, StoreError, open_database
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.hot_queue import HotQueue
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.sessions import Sessions
from tests.hub.messages import message
from tests.hub.running import running_hub
from tests.hub.upstreams import FlakyUpstream
from tests.patience import PATIENCE_S

CAMERA, HUB = ClientId("edge", "camera"), ClientId("edge", "$edgeHub")
MESSAGES = 300


def away() -> FlakyUpstream:
    return FlakyUpstream(failures=10**9)


async def store(hub: EdgeHub, numbers: Sequence[int]) -> None:
    """To the upstream, which is away."""
    for n in numbers:
        done = asyncio.Event()
        hub.store.append([("iothub", 0, None)], message(n, 900), lambda _, done=done: done.set())  # type: ignore[misc]
        await asyncio.wait_for(done.wait(), PATIENCE_S)


@pytest.fixture
async def used(tmp_path: Path) -> Path:
    """A store that was in use and closed."""
    async with running_hub(tmp_path, away()) as hub:
        await hub.identities.ensure(["camera", "$edgeHub"])
        await hub.patch_desired(CAMERA, {"fps": 5})
        await hub.save_session(CAMERA, {"devices/edge/modules/camera/inputs/#": 1})
        await store(hub, range(MESSAGES))
    return tmp_path / "hub.db"


@pytest.fixture
async def crashed(tmp_path: Path) -> Path:
    """A store as a killed hub leaves it: all of its messages are in the log."""
    live = tmp_path / "live"
    live.mkdir()
    async with running_hub(live, away()) as hub:
        await store(hub, range(MESSAGES))
        for suffix in ("", "-wal", "-claim"):
            shutil.copyfile(live / f"hub.db{suffix}", tmp_path / f"hub.db{suffix}")
    return tmp_path / "hub.db"


def numbers(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [
            int(n) for (n,) in connection.execute("SELECT properties ->> '$[0].n' FROM messages ORDER BY key")
        ]


def kept_aside(path: Path) -> list[Path]:
    return [p for p in path.parent.glob("hub.db.corrupt-*") if not p.name.endswith("-wal")]


def page_of_messages(path: Path, nth: int) -> int:
    """The offset of a page that holds messages and nothing else."""
    content = path.read_bytes()
    leaves = [
        at
        for at in range(0, len(content), PAGE_BYTES)
        if content[at] == 0x0D and b"m.2" in content[at:][:PAGE_BYTES]
    ]
    return leaves[nth]


def overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


async def test_a_broken_page_costs_its_rows_and_no_other(used: Path) -> None:
    overwrite(used, page_of_messages(used, 5), b"\xff" * PAGE_BYTES)
    damaged = used.read_bytes()
    upstream = away()
    async with running_hub(used.parent, upstream) as hub:
        assert hub.salvaged is not None
        left = hub.upstream.queues.lengths[0] + hub.upstream.unconfirmed
        assert MESSAGES - 4 <= left < MESSAGES
        assert hub.salvaged.read["messages"] == left
        assert hub.salvaged.unreadable == hub.statistics.dropped["corrupt_store"] == 1
        assert hub.twin(CAMERA)["desired"]["fps"] == 5
        assert hub.load_session(CAMERA) == {"devices/edge/modules/camera/inputs/#": 1}
        assert {i.client.module for i in hub.identities} == {None, "camera", "$edgeHub"}
        (kept,) = kept_aside(used)
        assert kept.read_bytes() == damaged
        async with asyncio.timeout(PATIENCE_S):
            while "store" not in hub.twin(HUB)["reported"]:
                await asyncio.sleep(0.01)
        told = hub.twin(HUB)["reported"]["store"]["salvaged"]
        assert (told["keptAs"], told["read"]["messages"], told["unreadable"]) == (kept.name, left, 1)
        await store(hub, [MESSAGES])
    found = numbers(used)
    assert found == sorted(found), "what comes after has greater numbers"
    assert len(found) == left + 1
    async with running_hub(used.parent, upstream) as hub:
        assert hub.salvaged is None


async def test_a_broken_first_page_costs_nothing(used: Path) -> None:
    overwrite(used, 0, bytes(100))
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is not None
        assert hub.salvaged.read["messages"] == MESSAGES
        assert hub.twin(CAMERA)["desired"]["fps"] == 5


def test_the_first_page_of_a_new_store_fits_one_that_was_vacuumed(used: Path, tmp_path: Path) -> None:
    def roots(path: Path) -> list[Any]:
        with closing(open_database(path)) as connection:
            return connection.execute("SELECT name, rootpage FROM sqlite_master ORDER BY name").fetchall()

    with closing(open_database(used)) as connection:
        connection.execute("DELETE FROM messages WHERE key % 3")
        connection.commit()
        connection.execute("VACUUM")
    assert roots(used) == roots(tmp_path / "new.db")


@pytest.mark.parametrize("content", [b"", b"x", b"not a database at all, by no means" * 100])
async def test_what_cannot_be_read_at_all_is_kept_and_a_new_store_begins(used: Path, content: bytes) -> None:
    used.write_bytes(content)
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is not None
        assert hub.salvaged.read.get("messages", 0) == 0
        assert hub.salvaged.unreadable > 0
        await store(hub, [1])
    assert kept_aside(used)[0].read_bytes() == content
    assert numbers(used) == [1]


async def test_a_log_that_is_gone_is_told(crashed: Path) -> None:
    crashed.with_name("hub.db-wal").unlink()
    async with running_hub(crashed.parent, away()) as hub:
        assert hub.salvaged is not None
        assert "log is missing" in hub.salvaged.reason


async def test_no_log_is_missing_after_a_clean_end(used: Path) -> None:
    assert not used.with_name("hub.db-wal").exists()
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is None


async def test_commits_behind_a_broken_frame_are_missed_and_told(crashed: Path) -> None:
    wal = crashed.with_name("hub.db-wal")
    overwrite(wal, wal.stat().st_size // 2, b"\xff")
    log = wal.read_bytes()
    async with running_hub(crashed.parent, away()) as hub:
        assert hub.salvaged is not None
        assert "write-ahead log is damaged" in hub.salvaged.reason
        left = hub.salvaged.read["messages"]
        assert 0 < left < MESSAGES
    assert numbers(crashed) == list(range(left))
    (kept,) = kept_aside(crashed)
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == log


async def test_a_commit_that_was_not_whole_is_left_out_without_ado(
    crashed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wal = crashed.with_name("hub.db-wal")
    overwrite(wal, wal.stat().st_size - 10, b"\xff\xfe")
    async with running_hub(crashed.parent, away()) as hub:
        assert hub.salvaged is None
        assert hub.upstream.queues.lengths[0] + hub.upstream.unconfirmed == MESSAGES - 1
    assert "the last commit is not whole" in caplog.text


async def test_damage_found_in_use_ends_the_hub_and_the_next_start_deals_with_it(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        damage, "CHECKED_BYTES", 0
    )  # as if the store were too great to be checked at each start
    monkeypatch.setattr("edge_runtime.hub.hot_queue.HOT_MESSAGES", 4)
    monkeypatch.setattr("edge_runtime.hub.hot_queue._REFILL", 4)
    overwrite(used, page_of_messages(used, 20), b"\xff" * PAGE_BYTES)

    async def run_until_it_fails() -> None:
        async with running_hub(used.parent, FlakyUpstream()) as hub, asyncio.timeout(PATIENCE_S):
            while hub._disk._claim.state == StoreClaim.OPEN:
                await asyncio.sleep(0.01)
            assert "malformed" in hub._disk._claim.state

    with pytest.raises(AssertionError):  # `failed` was called
        await run_until_it_fails()
    back = FlakyUpstream()
    async with running_hub(used.parent, back) as hub:
        assert hub.salvaged is not None
        await back.wait_for(hub.salvaged.read["messages"])


async def test_damage_found_while_recovering_is_dealt_with_by_the_next_start(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damage, "CHECKED_BYTES", 0)
    overwrite(used, page_of_messages(used, 0), b"\xff" * PAGE_BYTES)
    with pytest.raises(StoreDamagedError):
        async with running_hub(used.parent, away()):
            pass
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is not None


async def test_a_row_that_is_nonsense_is_left_out(used: Path) -> None:
    with closing(sqlite3.connect(used)) as connection, connection:
        connection.execute(
            "UPDATE messages SET properties = '[1' WHERE key = (SELECT min(key) FROM messages)"
        )
        connection.execute("UPDATE twins SET desired = 'x' WHERE client = 'edge/camera'")
        connection.execute("INSERT INTO messages VALUES (5, NULL, 'a', 'b', '[{},{}]', x'')")  # no endpoint 0
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is not None
        assert (hub.salvaged.read["messages"], hub.salvaged.unreadable) == (MESSAGES - 1, 3)
        assert hub.twin(CAMERA)["desired"] == {"$version": 1}


@pytest.mark.parametrize("step", ["_copy", "_leap", "_replace"])
async def test_a_salvage_that_is_killed_is_done_again(
    used: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    overwrite(used, page_of_messages(used, 5), b"\xff" * PAGE_BYTES)
    damaged = used.read_bytes()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(salvage, step, killed)
        with pytest.raises(KeyboardInterrupt):
            async with running_hub(used.parent, away()):
                pass
    async with running_hub(used.parent, away()) as hub:
        assert hub.upstream.queues.lengths[0] + hub.upstream.unconfirmed >= MESSAGES - 4
    assert [p.read_bytes() for p in kept_aside(used)] == [damaged]


@pytest.mark.parametrize("left", [StoreClaim.OPEN, StoreClaim.CLEAN, f"{StoreClaim.DAMAGED}page 5"])
@pytest.mark.parametrize("after", range(4))
async def test_a_salvage_killed_between_its_renames_is_finished_and_told(
    crashed: Path, monkeypatch: pytest.MonkeyPatch, after: int, left: str
) -> None:
    """The renames: the new store is whole; the log aside; the store aside; the new one in its place."""
    claim = StoreClaim(crashed)
    claim.note(left)
    claim.release()
    wal = crashed.with_name("hub.db-wal")
    overwrite(wal, wal.stat().st_size // 2, b"\xff" * PAGE_BYTES)
    rename, done = Path.rename, list[Path]()

    def killed_after(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        done.append(self)
        if len(done) > after:
            raise KeyboardInterrupt
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed_after)
        with pytest.raises(KeyboardInterrupt):
            async with running_hub(crashed.parent, away()):
                pass
    async with running_hub(crashed.parent, away()) as hub:
        in_place = after == 3  # nothing was left to do, so the start before has told of it in its log alone
        assert (hub.salvaged is None) == in_place
        kept = crashed.parent / hub._disk.meta["salvage"].partition('"keptAs": "')[2].partition('"')[0]
        if hub.salvaged is not None:
            assert crashed.with_name(hub.salvaged.kept_as) == kept
            assert hub.salvaged.read["messages"] == sum(hub.upstream.queues.lengths.values()) + (
                hub.upstream.unconfirmed
            )
        assert kept_aside(crashed) == [kept]
        assert kept.with_name(f"{kept.name}-wal").exists()
    async with running_hub(crashed.parent, away()) as hub:
        assert hub.salvaged is None


async def test_a_mistake_of_the_program_is_not_taken_for_damage(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = used.read_bytes()

    def mistaken(*_: Any) -> None:
        raise TypeError("takes 2 positional arguments but 3 were given")

    with monkeypatch.context() as patch:
        patch.setattr(Sessions, "__init__", mistaken)
        with pytest.raises(TypeError, match="positional"):
            async with running_hub(used.parent, away()):
                pass
    assert used.read_bytes() == content
    with monkeypatch.context() as patch:
        patch.setattr(HotQueue, "recover", mistaken)
        with pytest.raises(TypeError, match="positional"):
            async with running_hub(used.parent, away()):
                pass
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is None
        hub._disk._tell_failed = lambda _: None
        hub._disk.failed(LookupError("a mistake"))
        assert hub._disk._claim.state == StoreClaim.OPEN
    assert kept_aside(used) == []


async def test_without_room_for_a_new_store_the_damaged_one_stays(
    used: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite(used, page_of_messages(used, 5), b"\xff" * PAGE_BYTES)
    damaged = used.read_bytes()

    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(salvage, "_insert", full)
    with pytest.raises(StoreError, match=r"hub\.db: the store is damaged .*disk is full.* Make room"):
        async with running_hub(used.parent, away()):
            pass
    assert used.read_bytes() == damaged
    left = {p.name for p in used.parent.glob("hub.db*")}
    assert left - {"hub.db-wal", "hub.db-shm"} == {"hub.db", "hub.db-claim", "hub.db-confirmed"}


async def test_a_newer_store_is_refused_and_left_alone(used: Path) -> None:
    with closing(sqlite3.connect(used)) as connection:
        connection.execute("PRAGMA user_version=99")
    content = used.read_bytes()
    with pytest.raises(StoreError, match=r"hub\.db: written by a newer version \(schema 99"):
        async with running_hub(used.parent, away()):
            pass
    assert used.read_bytes() == content
    assert kept_aside(used) == []


async def test_a_store_of_before_the_first_version_is_taken_over(used: Path) -> None:
    with closing(sqlite3.connect(used)) as connection:
        connection.execute("PRAGMA user_version=0")
    used.with_name("hub.db-claim").write_bytes(b"")  # which said nothing then
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is None
        assert hub.upstream.queues.lengths[0] + hub.upstream.unconfirmed == MESSAGES


def test_the_claim_says_how_the_store_was_left(used: Path) -> None:
    claim = StoreClaim(used)
    assert claim.left == StoreClaim.CLEAN
    claim.note(StoreClaim.OPEN)
    claim.release()
    again = StoreClaim(used)
    assert again.left == StoreClaim.OPEN
    again.release()


@pytest.mark.parametrize("state", [StoreClaim.OPEN, f"{StoreClaim.DAMAGED}page 7"])
async def test_a_store_that_somebody_moved_away_begins_anew(used: Path, state: str) -> None:
    claim = StoreClaim(used)
    claim.note(state)
    claim.release()
    used.rename(used.with_name("mine"))
    async with running_hub(used.parent, away()) as hub:
        assert hub.salvaged is None
        await store(hub, [1])
    assert numbers(used) == [1]
