from __future__ import annotations

from serving.flighting.tally import Tally, Window


def test_tallies_add_and_subtract_field_by_field() -> None:
    one, other = Tally(1, 2, 3, 4, 0.5), Tally(10, 20, 30, 40, 1.5)
    assert one + other == Tally(11, 22, 33, 44, 2.0)
    assert (one + other) - other == one


def test_a_window_holds_what_came_within_it() -> None:
    window = Window(10, 0, Tally())
    assert window.reading(1, Tally(answered=5)) == Tally(answered=5)
    assert window.reading(9, Tally(answered=7)) == Tally(answered=7)
    assert window.reading(12, Tally(answered=8)) == Tally(answered=3)  # the five of the first second are past
    assert window.reading(60, Tally(answered=8)) == Tally()


def test_a_window_does_not_hold_what_was_before_it() -> None:
    assert Window(10, 100, Tally(failed=50)).reading(101, Tally(failed=53)) == Tally(failed=3)


def test_a_window_keeps_few_readings_however_often_it_is_read() -> None:
    window = Window(60, 0, Tally())
    for number in range(100_000):
        found = window.reading(number / 100, Tally(answered=number))
    assert 5_900 <= found.answered <= 6_100
    assert len(window._readings) < 130
