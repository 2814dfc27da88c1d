"""Calibration and abstention against answers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_classifier.calibration import (
    BINS,
    CURVE_MARGINS,
    abstention,
    expected_calibration_error,
    reliability,
)


def test_expected_calibration_error_by_hand() -> None:
    table = reliability(
        [0.95, 0.85, 0.30, 0.30, 0.30, 0.30], [True, False, True, True, False, False], bins=10
    )
    assert [row.n for row in table] == [0, 0, 4, 0, 0, 0, 0, 0, 1, 1]
    # (4 * |0.5 - 0.3| + 1 * |0 - 0.85| + 1 * |1 - 0.95|) / 6
    assert expected_calibration_error(table) == pytest.approx((0.8 + 0.85 + 0.05) / 6)


def test_a_model_as_right_as_it_is_sure_has_no_error() -> None:
    right = [True] * 9 + [False]
    table = reliability([0.9] * 10, right)
    assert expected_calibration_error(table) == pytest.approx(0)
    assert expected_calibration_error(reliability([1.0] * 10, right)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("confidence", "index"),
    [(0.0, 0), (0.25, 0), (0.2500001, 1), (0.5, 1), (0.75, 2), (0.7500001, 3), (1.0, 3)],
)
def test_a_bin_holds_its_upper_edge(confidence: float, index: int) -> None:
    assert [row.n for row in reliability([confidence], [True], bins=4)].index(1) == index


def test_an_empty_bin_has_no_mean() -> None:
    first, last = reliability([0.9], [True], bins=2)
    assert (first.n, first.confidence, first.accuracy) == (0, None, None)
    assert (last.low, last.high, last.confidence, last.accuracy) == (0.5, 1, 0.9, 1)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_table_holds_every_picture_once(pictures: list[tuple[float, bool]]) -> None:
    confidences, right = zip(*pictures, strict=True)
    table = reliability(confidences, right)
    assert len(table) == BINS
    assert sum(row.n for row in table) == len(pictures)
    assert sum(row.n * (row.accuracy or 0) for row in table) == pytest.approx(sum(right))
    assert all(
        row.low - 1e-9 <= row.confidence <= row.high + 1e-9 for row in table if row.confidence is not None
    )
    assert 0 <= expected_calibration_error(table) <= 1


def test_abstention_by_hand() -> None:
    points = abstention([0.0, 0.1, 0.4, 0.9], [False, True, False, True], [0, 0.1, 0.5, 0.95])
    assert [(p.abstained, p.answered, p.accuracy) for p in points] == [
        (0, 4, 0.5),
        (0.25, 3, pytest.approx(2 / 3)),
        (0.75, 1, 1),
        (1, 0, None),
    ]


def test_a_margin_that_is_met_exactly_is_an_answer() -> None:
    """In single precision, as the classifier compares: as a double, this margin would be below 0.7."""
    margin = np.float32(0.7)
    assert float(margin) < 0.7
    (point,) = abstention([margin], [True], [0.7])
    assert point.answered == 1


def test_the_curve_goes_up_in_even_steps() -> None:
    assert CURVE_MARGINS[0] == 0
    assert np.diff(CURVE_MARGINS) == pytest.approx(0.05)
    assert CURVE_MARGINS[-1] == 0.95
