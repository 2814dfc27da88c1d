"""`upstream.jsonl` follows the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_runtime.iothub.arrivals import Arrivals
from edge_runtime.iothub.event import Event
from edge_runtime.iothub.lines import EventLines
from edge_runtime.iothub.store import UpstreamStore

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def event(sequence: int) -> Event:
    return Event(
        "edge", sequence, "filter", "events", NOW, {}, {"content-type": "application/json"}, b'{"a":1}'
    )


def ids(path: Path) -> list[int]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_one_document_a_line(tmp_path: Path) -> None:
    path = tmp_path / "upstream.jsonl"
    EventLines(path).append([(1, event(5)), (2, event(6))])
    first = json.loads(path.read_text().splitlines()[0])
    assert (first["id"], first["sequence"], first["moduleId"], first["body"]) == (1, 5, "filter", {"a": 1})
    assert path.stat().st_mode & 0o777 == 0o600


def test_three_files_at_most_and_the_last_id_is_found_across_them(tmp_path: Path) -> None:
    path = tmp_path / "upstream.jsonl"
    lines = EventLines(path, maximum_bytes=1, kept=3)
    for number in range(1, 6):
        lines.append([(number, event(number))])
    assert [ids(tmp_path / name) for name in ("upstream.jsonl", "upstream.jsonl.1", "upstream.jsonl.2")] == [
        [5],
        [4],
        [3],
    ]
    assert len(list(tmp_path.iterdir())) == 3
    path.unlink()
    assert lines.last_id() == 4


@pytest.mark.parametrize("torn", ["", '{"id": 3, "seq', "garbage without an end"])
def test_half_a_line_is_cut_off(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "upstream.jsonl"
    lines = EventLines(path)
    lines.append([(1, event(1)), (2, event(2))])
    with path.open("a") as file:
        file.write(torn)
    assert lines.last_id() == 2
    assert ids(path) == [1, 2]


@pytest.mark.parametrize("written", [0, 1, 3])
async def test_what_a_crash_left_out_is_written_at_the_next_start(tmp_path: Path, written: int) -> None:
    store, lines = tmp_path / "upstream.db", tmp_path / "upstream.jsonl"
    first = UpstreamStore(store)
    added = first.add([event(number) for number in (1, 2, 3)])
    first.close()
    EventLines(lines).append(added[:written])
    arrivals = Arrivals(store, lines)
    await arrivals.open()
    await arrivals.close()
    assert ids(lines) == [1, 2, 3]


async def test_a_new_store_begins_a_new_file(tmp_path: Path) -> None:
    lines = tmp_path / "upstream.jsonl"
    EventLines(lines).append([(500, event(1))])
    arrivals = Arrivals(tmp_path / "upstream.db", lines)
    await arrivals.open()
    await arrivals.receive("edge", b'{"messages": [{"sequence": 1, "body": ""}]}')
    await arrivals.close()
    assert ids(lines) == [1]
    assert ids(tmp_path / "upstream.jsonl.1") == [500]


async def test_lines_that_could_not_be_written_follow_as_soon_as_they_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines, aside = tmp_path / "upstream.jsonl", tmp_path / "aside"
    arrivals = Arrivals(tmp_path / "upstream.db", lines)
    await arrivals.open()
    await arrivals.receive("edge", batch(1))
    await arrivals.receive("edge", batch(2))
    await arrivals._run(lambda: None)  # what comes behind the answer has been done
    lines.rename(aside)
    lines.mkdir()
    for number in (3, 4, 5):
        await arrivals.receive("edge", batch(number))
    await arrivals._run(lambda: None)
    lines.rmdir()
    with aside.open("a") as file:
        file.write('{"id": 3, "seq')  # as far as there was room
    aside.rename(lines)
    await arrivals.receive("edge", batch(6))
    await arrivals.close()
    assert ids(lines) == [1, 2, 3, 4, 5, 6]
    assert [record.getMessage() for record in caplog.records] == [
        f"upstream.jsonl lacks what arrives from now on: [Errno 21] Is a directory: '{lines}'"
    ]


async def test_lines_that_fail_unexpectedly_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    arrivals = Arrivals(tmp_path / "upstream.db", tmp_path / "upstream.jsonl")
    await arrivals.open()
    monkeypatch.setattr(EventLines, "append", lambda _, __: 1 / 0)
    await arrivals.receive("edge", batch(1))
    await arrivals.close()
    assert "upstream.jsonl lacks events" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def batch(sequence: int) -> bytes:
    return json.dumps({"messages": [{"sequence": sequence, "body": ""}]}).encode()
