"""Queries and target conditions (spec E.8): what is there, what is not, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.iothub.service.errors import InvalidRequestError
from edge_runtime.iothub.service.query import parse_query, target

TWIN: dict[str, Any] = {
    "deviceId": "edge",
    "status": "enabled",
    "capabilities": {"iotEdge": True},
    "tags": {"line": "it's 7", "floor": 3, "zone": {"hot": False}, "none": None},
    "properties": {"desired": {"fps": 5.0}, "reported": {}},
    "configurations": {"a-1": {"status": "Applied"}},
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("*", True),
        ("", False),
        ("  ", False),
        ("deviceId = 'edge'", True),
        ("deviceId = 'Edge'", False),
        ("tags.line = 'it''s 7'", True),
        ("tags.floor = 3", True),
        ("tags.floor = '3'", False),
        ("tags.floor != '3'", True),
        ("tags.floor <> 4 and tags.floor >= 3 AND tags.floor < 3.5", True),
        ("tags.floor > 'a'", False),
        ("tags.zone.hot = false", True),
        ("tags.zone.hot = 0", False),
        ("NOT tags.zone.hot", True),
        ("capabilities.iotEdge", True),
        ("tags.missing = 1 OR deviceId = 'edge'", True),
        ("tags.missing != 1", False),
        ("NOT tags.missing = 1", True),
        # AND before OR.
        ("deviceId = 'edge' OR deviceId = 'x' AND deviceId = 'y'", True),
        ("(deviceId = 'edge' OR deviceId = 'x') AND deviceId = 'y'", False),
        ("deviceId IN ['a', 'edge']", True),
        ("deviceId NIN ['a', 'edge']", False),
        ("is_defined(tags.line)", True),
        ("IS_DEFINED(tags.missing)", False),
        ("is_null(tags.none) AND NOT is_defined(tags.zone.none)", True),
        ("is_number(tags.floor) AND NOT is_number(tags.zone.hot)", True),
        ("is_bool(tags.zone.hot) AND is_string(status) AND is_object(tags.zone)", True),
        ("starts_with(deviceId, 'ed') AND ends_with(deviceId, 'ge') AND contains(deviceId, 'dg')", True),
        ("configurations.[[a-1]].status = 'Applied'", True),
        ("properties.desired.fps = 5", True),
    ],
)
def test_conditions(condition: str, expected: bool) -> None:
    assert target(condition)(TWIN) is expected


@pytest.mark.parametrize(
    "condition",
    [
        *('deviceId = "edge"', "deviceId =", "= 3", "deviceId == 'a'", "tags..a = 1", "deviceId = 'a"),
        *("(deviceId = 'a'", "deviceId = 'a' AND", "contains(deviceId)", "sqrt(tags.floor) = 3", "'a'"),
    ],
)
def test_conditions_that_cannot_be_read(condition: str) -> None:
    with pytest.raises(InvalidRequestError):
        target(condition)


def test_an_error_says_where() -> None:
    with pytest.raises(InvalidRequestError, match="line 1, column 10"):
        target("deviceId ! 3")


TWINS = [{**TWIN, "deviceId": name, "tags": {"line": line}} for name, line in zip("abc", "xyx", strict=True)]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT * FROM devices WHERE deviceId = 'b'", [TWINS[1]]),
        ("select deviceId from devices", [{"deviceId": "a"}, {"deviceId": "b"}, {"deviceId": "c"}]),
        ("SELECT tags.line AS l, tags.no FROM devices WHERE deviceId='a'", [{"l": "x"}]),
        ("SELECT COUNT() AS n FROM devices WHERE tags.line = 'x'", [{"n": 2}]),
        ("SELECT COUNT(*) AS n FROM devices WHERE tags.line = 'none'", [{"n": 0}]),
        (
            "SELECT tags.line AS line, COUNT() AS n FROM devices GROUP BY tags.line",
            [{"line": "x", "n": 2}, {"line": "y", "n": 1}],
        ),
    ],
)
def test_queries(query: str, rows: list[dict[str, Any]]) -> None:
    assert parse_query(query).run(TWINS) == rows


@pytest.mark.parametrize(
    "query",
    [
        *("", "SELECT", "SELECT * FROM devices.jobs", "SELECT * FROM devices GROUP BY status"),
        *("SELECT * FROM devices WHERE", "DELETE FROM devices", "SELECT deviceId devices", 7),
    ],
)
def test_queries_that_cannot_be_read(query: Any) -> None:
    with pytest.raises(InvalidRequestError):
        parse_query(query)
