from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.recovery.ledger import Arrival, compare, read_arrivals, replays_after

A, B = Arrival("a", 0, "a.0"), Arrival("a", 1, "a.1")


@pytest.mark.parametrize(
    ("arrived", "missing", "late", "replays", "most"),
    [
        ([A, B], [], [], 0, 1),
        ([A], [("a", 1)], [], 0, 1),  # acknowledged and never delivered
        ([B, A], [], [A], 0, 1),  # the first deliveries swapped
        ([A, B, A, B], [], [], 2, 2),  # a replay of a window is no disorder
    ],
)
def test_the_comparer_sees(
    arrived: list[Arrival], missing: list[tuple[str, int]], late: list[Arrival], replays: int, most: int
) -> None:
    found = compare([("a", 0), ("a", 1)], arrived)
    assert (found.missing, found.out_of_order, found.replays, found.most) == (missing, late, replays, most)
    assert compare([], [A, Arrival("a", 0, "other")]).other_ids


def test_a_line_that_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    ledger = tmp_path / "arrivals"
    ledger.write_text("a 0 a.0 1.5 1\na 1 a.1 2.5 1\na 2")
    assert [(arrival.sequence, arrival.at) for arrival in read_arrivals(ledger)] == [(0, 1.5), (1, 2.5)]
    assert read_arrivals(ledger, len("a 0 a.0 1.5 1\n")) == [B]
    assert read_arrivals(tmp_path / "nothing yet") == []


def test_replays_belong_to_the_kill_before_them() -> None:
    assert replays_after([A, B, A, B, A], [2, 4]) == [2, 1]
    assert replays_after([A, B, A, B, A], [2]) == [2], "a message that came three times is one message"


def test_what_the_sender_sent_again_is_no_replay_of_the_hub() -> None:
    others = [Arrival("a", 0, "a.0", copy=copy) for copy in ("1d", "2")]
    assert replays_after([A, *others], [1]) == [0]
    assert replays_after([A, *others, *others], [1]) == [2]
