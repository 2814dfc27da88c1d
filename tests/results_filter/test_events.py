from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from module_kit.message_schemas import message_schemas
from results_filter.settings import FilterSettings
from tests.results_filter.streams import QUICK, Bench, at

C, D, N = "cat", "dog", None


@pytest.mark.parametrize(
    ("labels", "events"),
    [
        ([C, C], []),  # two of five do not hold
        ([C, C, C], [("start", "cat")]),
        ([C, N, C, N, C], [("start", "cat")]),  # three of the last five
        ([C, N, N, C, N, C], []),  # the first has left the window
        ([C] * 50, [("start", "cat")]),  # no change, no event
        ([C, C, C, N, N], [("start", "cat")]),  # still three of five
        ([C, C, C, N, N, N], [("start", "cat"), ("end", "cat")]),
        ([C, C, C, "?", "?", "?"], [("start", "cat"), ("end", "cat")]),  # too improbable
        ([C, C, C, D, D, D], [("start", "cat"), ("end", "cat"), ("start", "dog")]),
        ([C, D] * 20, [("start", "cat"), ("end", "cat"), ("start", "dog"), ("end", "dog")] * 8),
        ([C, C, C, *["!"] * 20], [("start", "cat")]),  # failures say nothing, so they end nothing
        ([C, "!", "!", "!", "!", "!", C, C], [("start", "cat")]),  # nor do they push results out
        ([N] * 20, []),
        (["!"] * 20, []),
    ],
)
def test_smoothing_and_change(labels: list[str | None], events: list[tuple[str, str]]) -> None:
    found = Bench().feed(labels).events()
    assert found[: len(events)] == events if len(events) > 20 else found == events


@pytest.mark.parametrize(
    ("settings", "labels", "events"),
    [
        ({"threshold": 0.95}, [C] * 5, []),
        ({"threshold": 0.95, "thresholds": {"cat": 0.9}}, [C] * 5 + [D] * 5, [("start", "cat"), ("end", "cat")]),
        ({"include": ["dog"]}, [C] * 5 + [D] * 5, [("start", "dog")]),
        ({"exclude": ["dog"]}, [C] * 5 + [D] * 5, [("start", "cat"), ("end", "cat")]),
        ({"include": ["dog"], "exclude": ["dog"]}, [D] * 5, []),
        ({"smoothing_needed": 1, "smoothing_window": 1}, [C, D, N],
         [("start", "cat"), ("end", "cat"), ("start", "dog"), ("end", "dog")]),
        ({"smoothing_needed": 2, "smoothing_window": 6}, [C, C, D, D], [("start", "cat"), ("start", "dog")]),
        ({"update_seconds": 1}, [C] * 32, [("start", "cat"), *[("update", "cat")] * 2]),
    ],
)  # fmt: skip
def test_settings_decide(
    settings: dict[str, Any], labels: list[str | None], events: list[tuple[str, str]]
) -> None:
    assert Bench(QUICK.model_copy(update=settings)).feed(labels).events() == events


def test_with_the_default_settings_a_first_event_comes_within_a_second() -> None:
    bench = Bench(FilterSettings()).feed([C] * 10)
    assert bench.events() == [("start", "cat")]
    assert bench.bodies("events")[0]["durationMs"] == 500


def test_what_is_shorter_than_the_minimum_duration_is_counted_and_gives_nothing() -> None:
    bench = Bench(QUICK.model_copy(update={"minimum_duration_seconds": 0.5})).feed([C] * 4 + [N] * 6)
    assert bench.events() == []
    assert bench.dropped()["event_too_short"] == 1


def test_the_cooldown_holds_a_new_start_back_and_then_tells_it() -> None:
    bench = Bench(QUICK.model_copy(update={"cooldown_seconds": 3}))
    bench.feed([C] * 5 + [N] * 5 + [C] * 40)  # the end is told at 0.7 s
    start, end, late = bench.bodies("events")
    assert (start["type"], end["type"], late["type"]) == ("start", "end", "start")
    assert late["startedAt"] == "2027-01-15T08:00:01.000Z"  # when it really began
    assert late["at"] == "2027-01-15T08:00:03.700Z"


def test_what_the_cooldown_held_back_consumes_no_cooldown() -> None:
    bench = Bench(QUICK.model_copy(update={"cooldown_seconds": 2.5}))
    bench.feed(
        ([C] * 5 + [N] * 5) * 4
    )  # ends at 0.7, 1.7, 2.7; the fourth start is due 2.5 s after the first
    assert bench.events() == [("start", "cat"), ("end", "cat"), ("start", "cat"), ("end", "cat")]
    assert bench.bodies("events")[2]["startedAt"] == "2027-01-15T08:00:03.000Z"
    assert bench.dropped()["event_cooldown"] == 2


def test_the_cooldown_is_each_labels_own() -> None:
    bench = Bench(QUICK.model_copy(update={"cooldown_seconds": 60})).feed([C] * 5 + [D] * 5)
    assert bench.events() == [("start", "cat"), ("end", "cat"), ("start", "dog")]


def test_a_silent_source_ends_its_events_once() -> None:
    bench = Bench().feed([C] * 5)
    assert bench.take(bench.filter.tick(at(10.3))).events() == [("start", "cat")]
    bench.take(bench.filter.tick(at(10.4))).take(bench.filter.tick(at(60)))
    assert bench.events() == [("start", "cat"), ("end", "cat")]
    assert bench.bodies("events")[1]["endReason"] == "stale"
    bench.feed([C] * 2, begin=700)  # what was seen before the silence does not count with what comes after it
    assert len(bench.events()) == 2


def test_sources_do_not_mix() -> None:
    bench = Bench()
    for number in range(4):
        bench.feed([C], begin=number, source="left").feed([D], begin=number, source="right")
    assert sorted(bench.events()) == [("start", "cat"), ("start", "dog")]


def test_a_restarted_camera_goes_on_with_the_same_event() -> None:
    bench = Bench().feed([C] * 5).feed([C] * 5, begin=6, boot="b2")
    assert bench.events() == [("start", "cat")]


def test_a_stop_ends_what_holds() -> None:
    bench = Bench().feed([C] * 5)
    bench.take(bench.filter.stop(at(1)))
    assert bench.events() == [("start", "cat"), ("end", "cat")]
    assert bench.bodies("events")[1]["endReason"] == "stopped"


def test_new_settings_end_what_they_exclude() -> None:
    bench = Bench().feed([C] * 5)
    bench.take(bench.filter.configure(QUICK.model_copy(update={"exclude": ["cat"]}), at(1)))
    assert bench.bodies("events")[1]["endReason"] == "settings"
    assert bench.feed([C] * 5, begin=10).events() == [("start", "cat"), ("end", "cat")]


def test_an_event_says_what_when_how_long_how_sure_and_why() -> None:
    start, end = Bench().feed([N, C, C, C, N, N, N, N]).bodies("events")
    assert start == {
        "schema": "event/1", "eventId": "cam.b1.3.e.cat", "type": "start", "update": 0, "label": "cat",
        "source": "cam", "boot": "b1", "startedAt": "2027-01-15T08:00:00.100Z", "at": "2027-01-15T08:00:00.300Z",
        "durationMs": 200.0, "frames": 3, "meanProbability": 0.9, "peakProbability": 0.9,
        "prediction": start["prediction"],
    }  # fmt: skip
    assert start["prediction"]["frameId"] == "cam.b1.3"  # the one that decided
    assert (end["eventId"], end["type"], end["endReason"]) == ("cam.b1.3.e.cat", "end", "gone")
    assert end["prediction"]["frameId"] == "cam.b1.6"
    assert end["frames"] == 3


labels = st.lists(st.sampled_from([C, D, "bird", "?", N, "!"]), max_size=120)


@given(labels, st.integers(1, 5), st.integers(0, 4), st.floats(0, 2), st.floats(0, 3), st.floats(0, 2))
def test_every_stream_gives_well_formed_events(
    stream: list[str | None], needed: int, more: int, minimum_s: float, cooldown_s: float, update_s: float
) -> None:
    settings = QUICK.model_copy(update={
        "smoothing_needed": needed, "smoothing_window": needed + more, "minimum_duration_seconds": minimum_s,
        "cooldown_seconds": cooldown_s, "update_seconds": update_s,
    })  # fmt: skip
    bench = Bench(settings).feed(stream)
    bench.take(bench.filter.stop(at(100)))
    again = Bench(settings).feed(stream)
    again.take(again.filter.stop(at(100)))
    ids = [delivery.message.message_id for delivery in bench.deliveries]
    assert ids == [delivery.message.message_id for delivery in again.deliveries]  # deterministic
    assert len(set(ids)) == len(ids)
    assert all(len(one) <= 128 and one.isascii() for one in ids)
    _check_lives(bench.bodies("events"))
    for event in bench.bodies("events"):
        jsonschema.validate(event, message_schemas()["event-1.json"])
        assert event["prediction"]["top"][0]["label"] == event["label"] or event["type"] == "end"
        assert event["durationMs"] >= minimum_s * 1000 - 1 or event["type"] != "start"


def _check_lives(events: list[dict[str, Any]]) -> None:
    lives: dict[str, list[str]] = {}
    for event in events:
        lives.setdefault(event["eventId"], []).append(event["type"])
    for types in lives.values():
        assert types == ["start", *["update"] * (len(types) - 2), "end"]


@given(st.text(min_size=1, max_size=64))
def test_any_label_gives_a_legal_message_id(label: str) -> None:
    bench = Bench().feed([label] * 3) if label not in ("!", "?") else Bench().feed([C] * 3)
    message_id = bench.deliveries[0].message.message_id
    assert len(message_id) <= 128
    assert message_id.isascii()
    assert " " not in message_id
