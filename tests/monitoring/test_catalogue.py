from __future__ import annotations

from typing import Any

import pytest

from tests.monitoring.catalogue import Catalogue

TEXT = """# HELP frames_total Frames.
# TYPE frames_total counter
frames_total{outcome="classified"} 3.0
# HELP drops_total Drops.
# TYPE drops_total counter
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{le="+Inf"} 1.0
took_seconds_count 1.0
took_seconds_sum 1.0
"""


@pytest.fixture
def catalogue() -> Catalogue:
    made = Catalogue()
    made.add(TEXT, {"module": "camera"})
    return made


def query(metric: str, *matchers: tuple[str, str, str], labels: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "selectors": [{"metric": metric, "matchers": [list(one) for one in matchers]}],
        "labels": [[label, [metric]] for label in labels],
    }


@pytest.mark.parametrize(
    ("one", "lacking"),
    [
        (query("frames_total"), []),
        (query("frames"), ["no metric frames"]),
        (query("drops_total", labels=("module",)), []),
        (query("drops_total", labels=("reason",)), ["no label reason of any of drops_total"]),
        (query("up", ("module", "Equal", "camera")), []),
        (query("took_seconds_bucket", labels=("le",)), []),
        (query("took_seconds_sum", labels=("le",)), ["no label le of any of took_seconds_sum"]),
        (query("frames_total", ("outcome", "Equal", "classified")), []),
        (query("frames_total", ("outcome", "Equal", "class")), ["no frames_total with outcome class"]),
        (query("frames_total", ("outcome", "Re", "class.*|x")), []),
        (query("frames_total", ("outcome", "NotEqual", "x")), []),
        (query("frames_total", ("result", "NotEqual", "x")), ["no label result of frames_total"]),
    ],
)
def test_what_is_lacking_is_told(catalogue: Catalogue, one: dict[str, Any], lacking: list[str]) -> None:
    assert catalogue.lacks(one) == lacking


def test_values_that_need_not_be_there(catalogue: Catalogue) -> None:
    one = query("frames_total", ("outcome", "Equal", "error"))
    assert catalogue.lacks(one, frozenset({"outcome=error"})) == []
