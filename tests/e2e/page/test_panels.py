"""Frames, events, the model, explanations and messages of a running solution, as the page shows them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator

from tests.e2e.device import Device
from tests.e2e.page.browser import keys
from tests.e2e.page.conftest import Visit
from tests.patience import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def scenes(solution: Device) -> None:
    """Another picture with each frame: wrong answers, which the drawn ones have some of, come soon."""
    solution.control.patch_desired("camera", {"sceneSeconds": 0.1})


def all_of(cells: Locator, text: str) -> Callable[[], bool]:
    return lambda: set(cells.all_inner_texts()) == {text}


def test_wrong_frames_are_found_among_the_others(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        panel = visitor.page.locator("#panel-frames")
        panel.locator("[data-outcome=wrong]").first.wait_for()
        panel.locator("[data-which=wrong]").click()
        panel.locator(".card:not([data-outcome=wrong])").first.wait_for(state="detached")
        said = panel.locator(".card .outcome").first.inner_text()
        assert re.fullmatch(r"✗ wrong: it is [a-z]+", said)
        assert said.split()[-1] != panel.locator(".card .label").first.inner_text()
        visitor.screenshot("frames-wrong")


def test_paused_frames_stay_where_they_are(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        cards = visitor.page.locator("#panel-frames .card")
        cards.first.wait_for()
        visitor.page.get_by_role("button", name="Pause frames").click()
        visitor.page.locator("#panel-frames .held", has_text="newer left out").wait_for()
        before = keys(cards)
        held = visitor.page.locator("#panel-frames .held")
        shown = held.inner_text()
        wait_for(lambda: held.inner_text() != shown, "more frames, left out")
        assert keys(cards) == before
        visitor.page.get_by_role("button", name="Resume frames").click()
        wait_for(lambda: keys(cards)[0] != before[0], "a newer frame")


def test_frames_do_not_move_away_from_who_points_at_them(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        panel = visitor.page.locator("#panel-frames")
        cards = panel.locator(".card")
        cards.nth(3).wait_for()
        # While the pointer moves, however slow the machine is, the first card stays and the counts go on.
        visitor.page.evaluate(
            """() => {
                const grid = document.querySelector("#panel-frames .grid");
                const move = () => grid.dispatchEvent(new PointerEvent("pointermove", { pointerType: "mouse" }));
                move();
                window.moving = setInterval(move, 100);
            }"""
        )
        counts = panel.locator(".choices")
        before, first = counts.inner_text(), keys(cards)[0]
        wait_for(lambda: counts.inner_text() != before, "more frames")
        assert keys(cards)[0] == first
        visitor.page.evaluate("clearInterval(window.moving)")
        wait_for(lambda: keys(cards)[0] != first, "a newer frame")


def test_a_frame_opens_by_keyboard_and_tells_where_the_time_went(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        cards = visitor.page.locator("#panel-frames .card[data-outcome=right]")
        cards.nth(2).wait_for()
        visitor.page.get_by_role("button", name="Pause frames").click()
        cards.nth(2).focus()
        visitor.page.keyboard.press("Enter")
        detail = visitor.page.locator("#detail")
        detail.get_by_role("img").first.wait_for()
        for hop in ("camera/frames", "hub → classifier/frames", "classifier/predictions"):
            detail.locator(".timeline td", has_text=hop).first.wait_for()
        detail.locator(".verdicts", has_text="1 of 6 routes takes it: frames.").wait_for()
        # The prediction's own route: asked for when its message is opened.
        detail.locator("summary", has_text="classifier/predictions (prediction/1)").first.click()
        detail.locator(".verdicts", has_text="1 of 6 routes takes it: predictions.").wait_for()
        detail.get_by_role("button", name="Change it and explain again").first.click()
        detail.wait_for(state="hidden")
        message = visitor.page.get_by_label("Message as JSON").input_value()
        assert '"schema": "frame/1"' in message
        visitor.page.locator("#panel-explain .verdicts .taken", has_text="frames").wait_for()


def test_events_are_filtered_and_those_from_before_are_there(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.view("events")
        rows = visitor.page.locator("#panel-events tbody tr[data-kind]")
        rows.nth(2).wait_for()
        known = keys(rows)
        label = rows.first.locator("strong").inner_text()
        visitor.page.get_by_label("Label", exact=True).select_option(label)
        wait_for(all_of(rows.locator("strong"), label), f"events of {label} alone")
        visitor.page.locator("#panel-events svg[role=img]").first.wait_for()
        visitor.page.get_by_label("Text", exact=True).fill("no event says this")
        visitor.page.locator("#panel-events .count", has_text="0 of 0 that fit").wait_for()
        assert rows.count() == 0
        # Another visit begins with what had gone upstream before it.
        visitor.page.reload()
        wait_for(lambda: set(known) <= set(keys(rows)), "the events from before")
        rows.last.get_by_role("button").click()
        visitor.page.locator("#detail dd", has_text="event/1").first.wait_for()


def test_accuracy_becomes_exact_with_the_next_summary(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.view("model")
        panel = visitor.page.locator("#panel-model")
        panel.locator("[data-exact=false]", has_text="Sampled: of ").wait_for()
        solution.control.patch_desired("results_filter", {"summarySeconds": 2})
        panel.locator("[data-exact=true]").wait_for()
        # Drawn together: the matrix holds as many as the figure is of.
        figures = panel.evaluate(
            """(panel) => ({
                of: panel.querySelector("[data-exact]").textContent,
                cells: [...panel.querySelectorAll(".confusion td")].map((cell) => Number(cell.textContent)),
                right: [...panel.querySelectorAll(".confusion [data-right=true]")].map((c) => Number(c.textContent)),
                share: panel.querySelector(".accuracy .figure").textContent,
            })"""
        )
        n = int(re.sub(r"\D", "", figures["of"].split("predictions")[0]))
        assert sum(figures["cells"]) == n
        assert figures["share"] == f"{100 * sum(figures['right']) / n:.1f} %"
        panel.locator(".confidence svg").wait_for()
        panel.locator(".mix", has_text="Sampled, n = ").wait_for()
        visitor.screenshot("model-exact")
        solution.control.patch_desired("results_filter", {"summarySeconds": None})


def test_the_part_of_a_condition_that_decided_is_marked(solution: Device, visit: Visit) -> None:
    source = "FROM /messages/modules/classifier/outputs/predictions"
    text = f"{source}\n WHERE schema = 'prediction/1' AND $body.sequence < 0\n INTO $upstream"
    solution.control.patch_desired("$edgeHub", {"routes": {"never": {"route": text}}})
    try:
        with visit(solution) as visitor:
            visitor.open()
            visitor.view("explain")
            recent = visitor.page.get_by_label("Recent message")
            recent.locator("option", has_text="classifier/predictions (prediction/1)").wait_for(
                state="attached"
            )
            recent.select_option("classifier/predictions (prediction/1)")
            verdict = visitor.page.locator("#panel-explain .not-taken", has_text="never")
            assert verdict.locator("mark").inner_text() == "$body.sequence < 0"
            assert "line 2, column 36" in verdict.inner_text()
            assert verdict.locator(".operands").inner_text().startswith("$body.sequence is ")
            visitor.page.get_by_label("Message as JSON").fill('{"app": {"a": 1}}')
            visitor.page.get_by_role("button", name="Explain").click()
            visitor.page.get_by_role("alert").filter(has_text='"app.a" is 1: properties are text').wait_for()
    finally:
        solution.control.patch_desired("$edgeHub", {"routes": {"never": None}})


def test_messages_of_any_kind_are_in_a_table(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.view("messages")
        panel = visitor.page.locator("#panel-messages")
        senders = panel.locator("tbody td:nth-child(2)")
        panel.get_by_label("Show").locator("option", has_text="credit/1").wait_for(state="attached")
        panel.get_by_label("Show").select_option("those without a panel of their own")
        wait_for(all_of(senders, "classifier/credits"), "credits alone")
        panel.get_by_label("Show").select_option("frame/1")
        wait_for(all_of(senders, "camera/frames"), "frames alone")
        assert "capturedAt" in panel.locator("thead").inner_text()
        panel.get_by_role("button", name="Pause messages").click()
        panel.locator(".count", has_text="held still").wait_for()
        before = keys(panel.locator("tbody tr"))
        panel.get_by_label("Show").select_option("prediction/1")
        wait_for(all_of(senders, "classifier/predictions"), "predictions alone")
        panel.get_by_label("Show").select_option("frame/1")
        wait_for(all_of(senders, "camera/frames"), "frames again")
        assert keys(panel.locator("tbody tr")) == before
