"""What is measured takes no more memory the longer the hub runs."""

from __future__ import annotations

import pytest

from edge_runtime.hub import measurements, series
from edge_runtime.hub.measurements import SAMPLED, Measurements
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.series import MOST_CHARACTERS, WINDOW, Series, SeriesTable

CAMERA = ClientId("edge", "camera")


def stored(number: int) -> Stored:
    return Stored(number * SAMPLED, None, Message(CAMERA, "frames", {}, {}, b"12345"))


def test_messages_that_are_never_delivered_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurements, "_MOST_UNDER_WAY", 3)
    measured = Measurements()
    for number in range(1, 6):
        measured.message_stored(stored(number))
    assert len(measured._stored_at) == 3
    for number in range(1, 6):
        measured.message_sent("classifier/in", stored(number), 0.0)
    assert measured.processed[CAMERA, "classifier/in", 0].count == 3, "the newest"
    assert not measured._stored_at


def test_the_window_of_samples_is_bounded_in_number_and_age(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    one = Series()
    for number in range(WINDOW + 10):
        one.observe(number)
    assert one.recent() == list(range(10, WINDOW + 10))
    assert (one.count, one.total) == (WINDOW + 10, sum(range(WINDOW + 10)))
    now += series.WINDOW_S + 1
    one.observe(7)
    assert one.recent() == [7]


def test_a_block_that_fails_is_not_timed() -> None:
    one = Series()
    with pytest.raises(ValueError, match="x"), one.timed():
        raise ValueError("x")
    assert one.count == 0


def test_too_many_names_share_one_series() -> None:
    table: SeriesTable[str] = SeriesTable("other", most=2)
    for name in "abcd":
        table[name].count += 1
    table["a"].count += 1
    assert {name: one.count for name, one in table.items()} == {"a": 2, "b": 1, "other": 2}


def test_long_names_are_cut_wherever_they_stand_in_a_key() -> None:
    long = "x" * 60_000
    table: SeriesTable[tuple[ClientId, str | None, int]] = SeriesTable((CAMERA, "other", 0))
    for ending in "ab":
        table[ClientId("edge", long + ending), long + ending, 7].count += 1
    table[CAMERA, None, 7].count += 1
    cut = "x" * (MOST_CHARACTERS - 1) + "…"
    assert {key: one.count for key, one in table.items()} == {
        (ClientId("edge", cut), cut, 7): 2,
        (CAMERA, None, 7): 1,
    }
    assert all(isinstance(client, ClientId) for client, _, _ in table)


def test_a_long_name_keeps_its_series_when_the_table_is_full() -> None:
    table: SeriesTable[str] = SeriesTable("other", most=1)
    for _ in range(2):
        table["x" * 1000].count += 1
    assert [one.count for one in table.values()] == [2]


def test_what_is_dropped_keeps_its_reason_when_there_are_too_many_names() -> None:
    measured = Measurements()
    for number in range(series.MOST_SERIES + 5):
        measured.message_dropped("no_route", Message(CAMERA, f"{number}", {}, {}, b""))
    measured.message_dropped("ttl_expiry", Message(CAMERA, "new", {}, {}, b""))
    assert measured.dropped["no_route", "other", "other"].count == 5
    assert measured.dropped["ttl_expiry", "other", "other"].count == 1
    assert len(measured.dropped) == series.MOST_SERIES + 2
