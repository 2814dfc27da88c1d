"""The log of `run` itself."""

from __future__ import annotations

import logging
from pathlib import Path

from edge_runtime.log_format import log_to_file

ROOT, OWN = logging.getLogger(), logging.getLogger("edge_runtime")


def test_our_own_from_info_on_and_of_others_the_warnings(tmp_path: Path) -> None:
    end = log_to_file(tmp_path / "edgeAgent.log")
    try:
        OWN.info("started")
        logging.getLogger("aiohttp").info("not told")
        logging.getLogger("aiohttp").warning("first\nsecond")
    finally:
        end()
    lines = (tmp_path / "edgeAgent.log").read_text().splitlines()
    assert [line.split("] ")[1] for line in lines] == [
        "edge_runtime - started",
        *["aiohttp - " + t for t in ("first", "second")],
    ]
    assert lines[0].startswith("<6> ")
    assert lines[0].split(" +00:00 ")[1].startswith("[INF]")


def test_its_end_gives_everything_back(tmp_path: Path) -> None:
    other = logging.NullHandler(logging.DEBUG)
    ROOT.addHandler(other)
    try:
        handlers, level = ROOT.handlers[:], OWN.level
        end = log_to_file(tmp_path / "edgeAgent.log")
        assert other.level == logging.WARNING
        end()
        assert (ROOT.handlers, other.level, OWN.level) == (handlers, logging.DEBUG, level)
    finally:
        ROOT.removeHandler(other)
    logging.getLogger("edge_runtime").error("later")
    assert (tmp_path / "edgeAgent.log").read_text() == ""
