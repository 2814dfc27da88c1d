"""Log lines taken apart (spec D.5)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

import pytest

from edge_runtime.agent.engine import LogLine
from edge_runtime.agent.methods.records import records
from edge_runtime.log_format import EdgeFormatter
from module_kit.logs import EdgeFormatter as ModuleFormatter

TIME = datetime(2026, 3, 10, 12, 0, 0, 125000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "level", "at", "text"),
    [
        ("<4> 2026-03-10 12:00:00.125 +00:00 [WRN] - hot", 4, TIME, "[WRN] - hot"),
        ("<3> 2026-03-10 14:00:00.125 +02:00 [ERR] - hot", 3, TIME, "[ERR] - hot"),
        ("  <0>hot", 0, None, "hot"),
        ("2026-03-10 12:00:00.125 +00:00 no level", 6, TIME, "no level"),
        ("<7> no time", 7, None, "no time"),
        ("plain", 6, None, "plain"),
        ("", 6, None, ""),
        ("<12> two digits are no level", 6, None, "<12> two digits are no level"),
        ("<6> 2026-99-10 12:00:00.125 +00:00 no such month", 6, None, "no such month"),
        ("2026-03-10 12:00:00,125 WARN python's", 6, None, "2026-03-10 12:00:00,125 WARN python's"),
    ],
)  # fmt: skip
def test_a_line(line: str, level: int, at: datetime | None, text: str) -> None:
    [record] = records([LogLine(line, "stderr")])
    assert (record.level, record.at, record.text) == (level, at, text)
    assert (record.line, record.stream) == (line, "stderr")


def test_a_line_without_a_time_has_that_of_the_one_before() -> None:
    lines = ["Traceback", "<3> 2026-03-10 12:00:00.125 +00:00 [ERR] - it broke", "Traceback:", "  File x"]
    assert [record.at for record in records(map(LogLine, lines))] == [None, TIME, TIME, TIME]


def test_the_time_of_the_engine_comes_before_the_line_s_own() -> None:
    noted = datetime(2026, 1, 1, tzinfo=UTC)
    [record] = records([LogLine("2026-03-10 12:00:00.125 +00:00 x", written_at=noted)])
    assert record.at == noted


@pytest.mark.parametrize("formatter", [EdgeFormatter(), ModuleFormatter()])
def test_what_runtime_and_modules_log_is_read(formatter: logging.Formatter) -> None:
    record = logging.LogRecord(
        "edge_runtime.x", logging.WARNING, "f", 1, "two\nlines %s", (json.dumps({}),), None
    )
    record.created, record.msecs = TIME.timestamp(), 125.0
    first, second = records(map(LogLine, formatter.format(record).splitlines()))
    assert (first.level, first.at, second.level, second.at) == (4, TIME, 4, TIME)
    assert first.text.endswith("two")
    assert second.text.endswith("lines {}")
