"""Which logs a request names, and which of their lines (spec D.5)."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.agent.methods.arguments import LogFilter, LogItem
from edge_runtime.agent.methods.errors import BadArgumentError, MethodFailedError
from edge_runtime.agent.methods.log_store import select
from tests.agent.methods.logs import LINES, WrittenEngine, store

NAMES = ["camera", "edgeAgent", "edgeHub", "filter"]


def chosen(*ids: str) -> list[str]:
    return sorted(select([LogItem(id=id_) for id_ in ids], NAMES))


@pytest.mark.parametrize(
    ("id_", "expected"),
    [
        (".*", NAMES),
        ("all", NAMES),
        ("camera", ["camera"]),
        ("CAM", ["camera"]),
        ("edge", ["edgeAgent", "edgeHub"]),
        ("edgeHub|edgeAgent", ["edgeAgent", "edgeHub"]),
        ("^f", ["filter"]),
        ("er$|ra$", ["camera", "filter"]),
        ("nobody", []),
    ],
)
def test_an_id_is_a_regular_expression_over_names(id_: str, expected: list[str]) -> None:
    assert chosen(id_) == expected


def test_the_first_item_that_names_a_module_counts() -> None:
    items = [LogItem(id="cam", filter=LogFilter(tail=1)), LogItem(id=".*", filter=LogFilter(tail=2))]
    found = select(items, NAMES)
    assert {name: wanted.tail for name, wanted in found.items()} == {
        "camera": 1,
        "edgeAgent": 2,
        "edgeHub": 2,
        "filter": 2,
    }


def test_an_id_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(BadArgumentError):
        select([LogItem.model_construct(id="(", filter=LogFilter())], NAMES)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"tail": 2}, [3, 4]),
        ({"tail": 0}, []),
        ({"tail": 9}, [0, 1, 2, 3, 4]),
        ({"since": "2026-03-10T11:00:00Z"}, [1, 2, 3, 4]),
        ({"until": "2026-03-10T12:00:00Z"}, [0, 1, 2, 3]),
        ({"since": "2026-03-10T10:30:00Z", "until": "2026-03-10T11:30:00Z"}, [1]),
        ({"loglevel": 4}, [1, 2]),
        ({"loglevel": 7}, [0, 1, 2, 3, 4]),
        ({"regex": "t(wo|hree)"}, [1, 2, 3]),
        ({"regex": "2026"}, []),
        ({"loglevel": 6, "regex": "e", "since": "2026-03-10T10:30:00Z", "tail": 1}, [3]),
    ],
)
def test_filters(tmp_path: Path, wanted: dict[str, Any], expected: list[int]) -> None:
    found = list(store(tmp_path).read("camera", LogFilter(**wanted)))
    assert [record.line for record in found] == [LINES[number] for number in expected]


def test_the_runtime_s_own_logs_come_from_their_files(tmp_path: Path) -> None:
    logs = store(tmp_path)
    assert [record.text for record in logs.read("edgeHub", LogFilter())] == ["[INF] - hub"]
    # Nobody knows when it was written: it may be what is looked for.
    assert [record.text for record in logs.read("edgeAgent", LogFilter(since="1d"))] == ["agent"]
    assert logs.names() == NAMES
    assert logs.system_names == ["edgeAgent", "edgeHub"]


def test_the_engine_is_told_since_when(tmp_path: Path) -> None:
    engine = WrittenEngine({"camera": LINES})
    list(store(tmp_path, engine).read("camera", LogFilter(since="2026-03-10T11:00:00Z")))
    assert engine.asked == [("camera", datetime(2026, 3, 10, 11, tzinfo=UTC))]


def test_an_engine_that_is_away_is_500(tmp_path: Path) -> None:
    with pytest.raises(MethodFailedError, match="log of camera cannot be read: the engine is away"):
        list(store(tmp_path, WrittenEngine({"camera": []}, broken="camera")).read("camera", LogFilter()))


def test_of_a_long_log_only_the_tail_is_held(tmp_path: Path) -> None:
    lines = 20_000
    long = store(tmp_path, WrittenEngine({"camera": LINES * (lines // len(LINES))}))
    tracemalloc.start()
    try:
        found = list(long.read("camera", LogFilter(tail=2)))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [record.line for record in found] == LINES[-2:]
    assert peak_bytes < 100 * lines
