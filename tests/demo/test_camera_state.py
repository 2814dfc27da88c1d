from __future__ import annotations

from typing import Any

import pytest

from demo.camera_state import CameraState


@pytest.mark.parametrize(
    ("patches", "lines"),
    [
        # A download tells each tenth once.
        (
            [{"camera": {"progress": "10 %"}}, {"state": "starting"}, {"camera": {"progress": "20 %"}}],
            ["10 %", None, "20 %"],
        ),
        # The same trouble is told once; when it is over, nothing is said.
        ([{"lastError": "gone"}, {"lastError": "gone"}, {"lastError": None}], ["gone", None, None]),
        # What comes back is told again.
        ([{"lastError": "gone"}, {"lastError": None}, {"lastError": "gone"}], ["gone", None, "gone"]),
        # Progress that ends is no line; a removed section changes nothing.
        ([{"camera": {"progress": None}}, {"camera": None}, {}], [None, None, None]),
    ],
)
def test_what_is_worth_a_line(patches: list[dict[str, Any]], lines: list[str | None]) -> None:
    camera = CameraState()
    assert [camera.take(patch) for patch in patches] == lines


def test_the_state_stays_until_another_comes() -> None:
    camera = CameraState()
    camera.take({"state": "failed", "lastError": "no such folder"})
    camera.take({"frames": {"sent": 1}})
    assert (camera.state, camera.error) == ("failed", "no such folder")
