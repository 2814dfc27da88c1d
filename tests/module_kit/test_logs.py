from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest

from module_kit.logs import configure_logs, level_of

LINE = re.compile(r"<(\d)> \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+00:00 \[([A-Z]{3})\] - (.*)")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    before, level, azure = logger.handlers[:], logger.level, logging.getLogger("azure").level
    yield logger
    logger.handlers[:] = before
    logger.setLevel(level)
    logging.getLogger("azure").setLevel(azure)


def _lines(stream: io.StringIO) -> list[tuple[str, ...]]:
    matches = [LINE.fullmatch(line) for line in stream.getvalue().splitlines()]
    assert all(matches), stream.getvalue()
    return [match.groups() for match in matches if match]


@pytest.mark.parametrize(
    ("level", "number", "word"),
    [
        (logging.DEBUG, "7", "DBG"),
        (logging.INFO, "6", "INF"),
        (logging.WARNING, "4", "WRN"),
        (logging.ERROR, "3", "ERR"),
        (logging.CRITICAL, "2", "FTL"),
    ],
)
def test_levels_travel_as_syslog_numbers(root: logging.Logger, level: int, number: str, word: str) -> None:
    stream = io.StringIO()
    configure_logs({"LOG_LEVEL": "debug"}, stream)
    logging.getLogger("x").log(level, "text %d", 1)
    assert _lines(stream) == [(number, word, "text 1")]


def test_every_line_of_a_traceback_has_the_prefix_and_no_password(root: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logs({}, stream)

    def fail() -> None:
        raise OSError("rtsp://me:secret@cam/1 refused")

    try:
        fail()
    except OSError:
        logging.getLogger("x").exception("first\nsecond")
    lines = _lines(stream)
    assert [line[2] for line in lines[:3]] == ["first", "second", "Traceback (most recent call last):"]
    assert lines[-1][2] == "OSError: rtsp://***@cam/1 refused"
    assert "secret" not in stream.getvalue().replace('OSError("rtsp', "")


@pytest.mark.parametrize(
    ("environment", "level"),
    [
        ({}, logging.INFO),
        ({"RuntimeLogLevel": "verbose"}, logging.DEBUG),
        ({"RuntimeLogLevel": "error", "LOG_LEVEL": "Warning"}, logging.WARNING),
        ({"LOG_LEVEL": "fatal"}, logging.CRITICAL),
    ],
)
def test_level_of_the_environment(root: logging.Logger, environment: dict[str, str], level: int) -> None:
    configure_logs(environment, io.StringIO())
    assert root.level == level


def test_a_level_that_does_not_exist_is_told_and_counts_as_info(root: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logs({"LOG_LEVEL": "loud"}, stream)
    assert root.level == logging.INFO
    assert "'loud' is not a log level (one of fatal," in _lines(stream)[0][2]
    with pytest.raises(ValueError, match="loud"):
        level_of("loud")
