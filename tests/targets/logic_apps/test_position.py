"""What a position on disk covers, after a restart and with another store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_runtime.iothub.event import Event
from edge_runtime.iothub.events_command import line
from targets.logic_apps.feed import line_of
from targets.logic_apps.position import Position, PositionError, PositionFile


def at(number: int, second: int) -> Position:
    return Position(number, f"2026-11-22T10:00:{second:02}.000Z")


def test_it_covers_what_came_before_it_after_a_restart_too(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "position")
    assert not file.covers(at(1, 1))
    file.reach(at(1, 1))
    file.reach(at(2, 2))
    for again in (file, PositionFile(tmp_path / "position")):
        assert again.covers(at(1, 1))
        assert again.covers(at(2, 2))
        assert not again.covers(at(3, 2))
        assert not again.covers(None)
    assert [path.name for path in tmp_path.iterdir()] == ["position"]


def test_a_store_that_begins_at_1_again_is_new(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "position")
    file.reach(at(900, 5))
    assert not file.covers(at(1, 6))
    file.reach(at(1, 6))
    assert not file.covers(at(2, 7))


def test_a_clock_that_was_set_back_uncovers_nothing(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "position")
    file.reach(at(1, 30))
    assert not file.covers(at(2, 10))
    file.reach(at(2, 10))
    again = PositionFile(tmp_path / "position")
    assert again.covers(at(1, 30))
    assert again.covers(at(2, 10))
    assert not again.covers(at(3, 11))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"id": "1", "enqueuedTime": "x"}', "[" * 100_000, "\xff"]
)
def test_a_file_of_something_else_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    (tmp_path / "mine").write_bytes(content.encode("latin-1"))
    with pytest.raises(PositionError, match="mine: holds no position"):
        PositionFile(tmp_path / "mine")
    assert (tmp_path / "mine").read_bytes() == content.encode("latin-1")


def test_a_place_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(PositionError, match="cannot be read: Is a directory"):
        PositionFile(tmp_path)
    with pytest.raises(PositionError, match="cannot be written: No such file"):
        PositionFile(tmp_path / "gone" / "position").reach(at(1, 1))


def test_what_the_events_command_prints_has_one() -> None:
    arrived = Event("edge", 3, "filter", "events", datetime(2026, 1, 31, 12, tzinfo=UTC), {}, {}, b"{}")
    printed = line_of(line(arrived, 7, as_json=True).encode())
    assert printed.position == Position(7, "2026-01-31T12:00:00.000Z")
    assert printed.document is None


def test_lines_without_number_or_time_have_none() -> None:
    assert Position.of({"id": 1}) is None
    assert Position.of({"enqueuedTime": "x"}) is None
    assert Position.of({"id": 1, "enqueuedTime": "x"}) == Position(1, "x")
