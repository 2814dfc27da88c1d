from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from camera.flow import CreditWindow, FrozenCheck, Pacer

DELAYS = st.lists(st.floats(0, 3), min_size=1, max_size=200)
RATES = st.floats(0.5, 500)


@given(DELAYS, RATES)
def test_pace_is_never_beaten(delays: list[float], fps: float) -> None:
    """However late frames are (stalls, slow hubs), any second holds at most fps frames, give or take one."""
    pacer, now, times = Pacer(), 100.0, []
    for delay in delays:
        now += pacer.wait_s(now, fps) + delay / fps
        pacer.took(now, fps)
        times.append(now)
    for i, start in enumerate(times):
        within = sum(1 for moment in times[i:] if moment < start + 1)
        assert within <= fps + 2


@given(RATES)
def test_pace_is_kept_without_drift(fps: float) -> None:
    pacer, now = Pacer(), 0.0
    for _ in range(100):
        now += pacer.wait_s(now, fps) + 0.3 / fps  # each frame costs some of its time
        pacer.took(now, fps)
    assert abs(now - 99 / fps) <= 1.5 / fps


def test_a_stall_is_not_made_up_for() -> None:
    pacer = Pacer()
    pacer.took(0.0, 10)
    pacer.took(60.0, 10)
    assert pacer.wait_s(60.0, 10) == 0.1


def test_a_raised_rate_acts_at_once() -> None:
    pacer = Pacer()
    pacer.took(0.0, 0.001)
    assert pacer.wait_s(0.0, 10) <= 0.1
    assert pacer.wait_s(0.0, 0) == 0


def test_a_camera_of_the_wished_rate_loses_nothing_to_jitter() -> None:
    jitter = random.Random(5)  # noqa: S311
    pacer, sent = Pacer(), 0
    for i in range(300):
        now = i / 30 + jitter.uniform(-0.005, 0.005)
        if pacer.admits(now, 30):
            pacer.took(now, 30)
            sent += 1
    assert sent >= 295


def test_a_faster_camera_is_thinned_to_the_rate() -> None:
    pacer, sent = Pacer(), 0
    for i in range(3000):
        if pacer.admits(i / 30, 7):
            pacer.took(i / 30, 7)
            sent += 1
    assert 690 <= sent <= 701


class Credits(RuleBasedStateMachine):
    """Against a classifier that finishes in order, loses some, repeats itself and answers late."""

    def __init__(self) -> None:
        super().__init__()
        self.window = CreditWindow()
        self.now = 0.0
        self.sent = 0

    @rule(count=st.integers(1, 80))
    def send(self, count: int) -> None:
        for _ in range(count):
            if self.window.wait_s(self.now) > 0:
                return
            self.window.give_up_if_due(self.now)
            self.window.sent(self.sent, self.now)
            self.sent += 1

    @rule(seconds=st.floats(0, 20))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def credit(self, data: st.DataObject) -> None:
        sequence = data.draw(st.integers(-5, self.sent + 5))
        settled = self.sent - 1 - self.window.outstanding
        news = self.window.credit(sequence)
        assert news == (settled < sequence < self.sent)
        assert self.window.outstanding == self.sent - 1 - (sequence if news else settled)

    @rule()
    def acknowledge(self) -> None:
        before = self.window.wait_s(self.now)
        self.window.acknowledged(self.now)
        assert self.window.wait_s(self.now) >= before

    @invariant()
    def never_more_than_the_window(self) -> None:
        assert 0 <= self.window.outstanding <= 64

    @invariant()
    def waits_only_when_full(self) -> None:
        assert (self.window.wait_s(self.now) == 0) or self.window.outstanding == 64


TestCredits = Credits.TestCase


def test_a_silent_window_is_given_up_after_fifteen_seconds() -> None:
    window = CreditWindow()
    for sequence in range(64):
        assert window.wait_s(0) == 0
        window.sent(sequence, 0.0)
    assert window.wait_s(0.0) == 15
    assert window.give_up_if_due(14.9) == 0
    assert window.give_up_if_due(15.0) == 64
    assert (window.lost, window.outstanding) == (64, 0)
    assert not window.credit(63), "a credit that comes after all changes nothing"


def test_patience_begins_when_the_hub_has_the_frames() -> None:
    window = CreditWindow()
    for sequence in range(64):
        window.sent(sequence, 0.0)
    window.acknowledged(100.0)
    assert window.give_up_if_due(114.0) == 0
    assert window.give_up_if_due(115.0) == 64


def test_frozen_counts_repetitions_in_a_row() -> None:
    check = FrozenCheck()
    assert [check.saw(digest) for digest in (b"a", b"a", b"a", b"b", b"a")] == [1, 2, 3, 1, 1]
