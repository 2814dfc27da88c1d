from __future__ import annotations

import logging

import pytest

from module_kit.sparse_log import EVERY_S, SparseLog


def test_one_line_in_a_while_says_how_many_there_were(caplog: pytest.LogCaptureFixture) -> None:
    now = 100.0
    sparse = SparseLog(logging.getLogger("test"), "frames", lambda: now)
    for number in range(7):
        sparse.warning(f"bad {number}")
    now += EVERY_S
    sparse.warning("bad 7")
    assert [record.getMessage() for record in caplog.records] == [
        "bad 0 (1 such frames since the last line)",
        "bad 7 (7 such frames since the last line)",
    ]
