"""Which messages are in a sample, by a clock of the test's own."""

from __future__ import annotations

import pytest

from edge_runtime.hub import sampling
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.sampling import MOST_BODY_BYTES, Bucket, Sampler, Sampling, trace_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FRAMES = ClientId("edge", "camera"), "frames"
PREDICTIONS = ClientId("edge", "classifier"), "predictions"


class Clock:
    """`now` is in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> int:
        return round(self.now * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def message(traceparent: str | None = None, message_id: str | None = None) -> Message:
    app = {} if traceparent is None else {"traceparent": traceparent}
    return Message(FRAMES[0], "frames", app, {"messageId": message_id}, b"")


@pytest.mark.parametrize(
    ("traceparent", "message_id", "expected"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", "m1", TRACE),
        (f"cc-{TRACE}-00f067aa0ba902b7-01-what-a-later-version-says", "m1", TRACE),
        (f"00-{TRACE}-00f067aa0ba902b7-01junk", "m1", "m1"),
        (f"00-{TRACE}-00f067aa0ba902b7-01\n", "m1", "m1"),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", "m1", "m1"),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", "m1", "m1"),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", "m1", "m1"),
        (f"00-{TRACE[:-1]}-00f067aa0ba902b7-01", "m1", "m1"),
        ("00-" + "f" * 1_000_000, "m1", "m1"),
        ("\ud800" * 55, "m1", "m1"),
        ("", "m1", "m1"),
        (None, "m1", "m1"),
        (None, None, "#17"),
        (None, "", "#17"),
        (None, "m" * 128, "m" * 128),
        (None, "m" * 129, "#17"),
    ],
)
def test_what_messages_of_one_origin_have_in_common(
    traceparent: str | None, message_id: str | None, expected: str
) -> None:
    assert trace_of(message(traceparent, message_id), 17) == expected


def test_a_traceparent_without_a_value_is_none() -> None:
    assert trace_of(message(None, "m1")._replace(app={"traceparent": None}), 17) == "m1"


def test_what_was_never_stored_may_have_no_trace() -> None:
    assert trace_of(message(), None) is None


def test_a_bucket_holds_what_comes_in_a_second(clock: Clock) -> None:
    bucket = Bucket(4, clock)
    assert [bucket.take(1) for _ in range(5)] == [True, True, True, True, False]
    clock.now += 0.5
    assert not bucket.take(3)
    assert bucket.take(2)
    assert not bucket.take(1)
    clock.now += 3600
    assert bucket.take(4)
    assert not bucket.take(1)
    assert bucket.take(0)


def test_so_many_new_traces_a_second(clock: Clock) -> None:
    sampler = Sampler(Sampling(3, 0), clock)
    assert [sampler.stored(f"t{n}", FRAMES) for n in range(5)] == [True, True, True, False, False]
    clock.now += 1
    # What was left out once may come later, when more of it is stored.
    assert [sampler.stored(f"t{n}", FRAMES) for n in range(2, 7)] == [True, True, True, True, False]


def test_what_follows_a_sampled_message_is_sampled_and_nothing_else(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 0), clock)
    assert sampler.stored("seen", FRAMES)
    assert not sampler.stored("unseen", FRAMES)
    for trace, expected in (("seen", True), ("unseen", False), (None, False)):
        assert sampler.continues(trace) is expected
    assert sampler.stored("seen", PREDICTIONS)
    assert not sampler.stored("unseen", PREDICTIONS)


def test_a_trace_has_sixteen_documents_and_then_it_costs_as_a_new_one(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 0), clock)
    assert [sampler.stored("t", FRAMES) for _ in range(10)] == [True] * 10
    assert [sampler.continues("t") for _ in range(7)] == [True] * 6 + [False]
    assert not sampler.stored("t", FRAMES)
    clock.now += 1
    assert sampler.stored("t", FRAMES)
    assert sampler.continues("t")


def test_a_trace_begins_with_the_frame_and_not_with_the_prediction_made_of_it(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 0), clock)
    assert sampler.stored("first", FRAMES)
    assert sampler.stored("first", PREDICTIONS)
    clock.now += 5
    assert not sampler.stored("unseen", PREDICTIONS)
    assert sampler.stored("second", FRAMES)
    assert sampler.stored("second", PREDICTIONS)
    clock.now += 29
    assert not sampler.stored("unseen", PREDICTIONS)
    clock.now += 2  # nobody asks any more: what it sends now may be its own
    assert sampler.stored("its own", PREDICTIONS)


def test_of_sources_that_answer_each_other_one_can_still_begin(clock: Clock) -> None:
    sampler = Sampler(Sampling(2, 0), clock)
    assert sampler.stored("a", FRAMES)
    assert sampler.stored("b", PREDICTIONS)
    assert sampler.stored("a", PREDICTIONS)
    assert sampler.stored("b", FRAMES)
    clock.now += 1
    assert sampler.stored("c", FRAMES)
    assert not sampler.stored("d", PREDICTIONS)


def test_what_a_source_sends_again_in_a_trace_of_its_own_answers_nobody(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 0), clock)
    assert sampler.stored("a", FRAMES)
    assert sampler.stored("a", FRAMES)
    clock.now += 1
    assert sampler.stored("b", FRAMES)


def test_a_trace_that_begins_again_keeps_who_began_it(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 0), clock)
    for _ in range(16):
        assert sampler.stored("forever", FRAMES)
    clock.now += 1
    assert sampler.stored("forever", PREDICTIONS)
    assert sampler.stored("forever", FRAMES)
    clock.now += 1
    assert sampler.stored("new", FRAMES)


def test_drops_come_with_their_trace_and_beside_it_at_the_same_rate(clock: Clock) -> None:
    sampler = Sampler(Sampling(2, 0), clock)
    assert sampler.stored("t", FRAMES)
    assert [sampler.dropped(None) for _ in range(3)] == [True, True, False]
    assert sampler.dropped("t")
    assert not sampler.dropped("unseen")
    assert sampler.stored("u", FRAMES)  # they took nothing from the traces


def test_what_was_asked_for_by_its_endpoint_is_bounded_as_well(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 0), clock)
    assert [sampler.named("stored:iothub") for _ in range(51)] == [True] * 50 + [False]
    assert sampler.named("delivered:iothub")
    clock.now += 0.1
    assert [sampler.named("stored:iothub") for _ in range(6)] == [True] * 5 + [False]


def test_why_a_body_is_left_out(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 100), clock)
    assert [sampler.omits(size) for size in (101, 60, 60, 40, 1, 0)] == [
        "too_large",
        None,
        "sample_bytes",
        None,
        "sample_bytes",
        None,
    ]
    clock.now += 1
    assert sampler.omits(100) is None
    unlimited = Sampler(Sampling(1, 100 * MOST_BODY_BYTES), clock)
    assert unlimited.omits(MOST_BODY_BYTES) is None
    assert unlimited.omits(MOST_BODY_BYTES + 1) == "too_large"


def test_no_bytes_a_second_leave_every_body_out(clock: Clock) -> None:
    sampler = Sampler(Sampling(1, 0), clock)
    assert sampler.omits(1) == "too_large"
    assert sampler.omits(0) is None


def test_a_hundred_thousand_traces_of_as_many_sources_take_no_more_memory(clock: Clock) -> None:
    sampler = Sampler(Sampling(1000, 0), clock)
    for n in range(100_000):
        clock.now += 0.001
        assert sampler.stored(f"t{n}", FRAMES)
        assert sampler.stored(f"t{n}", (ClientId("edge", "classifier"), f"output-{n}"))
    assert len(sampler._traces) == sampling.MOST_TRACES
    assert len(sampler._followers) == sampling._MOST_FOLLOWERS
    assert not sampler.continues(f"t{100_000 - 513}")
    assert sampler.continues(f"t{100_000 - 512}")
