"""The live page of the whole solution, as somebody sees and uses it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.e2e.device import Device
from tests.e2e.page.browser import VIEWS, Visitor
from tests.e2e.page.conftest import Visit
from tests.patience import wait_for

pytestmark = pytest.mark.slow

FPS = '#panel-control [data-property="fps"]'


def number_before(visitor: Visitor, word: str) -> Callable[[], int]:
    """Reads `12 waiting` of the upstream's line as 12."""

    def read() -> int:
        text = visitor.page.locator("#upstream-text").inner_text()
        return int(text.split(f" {word}")[0].split()[-1].replace(",", ""))

    return read


def test_the_page_tells_what_runs_and_what_the_camera_sees(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        assert visitor.page.title() == "edge · edge runtime"
        for module in ("camera", "classifier", "results_filter"):
            visitor.page.locator(f'.node[data-node="module {module}"][data-health=good]').wait_for()
        visitor.page.locator(".node[data-node=upstream][data-health=good]").wait_for()
        visitor.page.locator(".edge[data-pace=slow], .edge[data-pace=medium]").first.wait_for()
        # Decoded, not just there.
        visitor.page.wait_for_function(
            "[...document.querySelectorAll('#panel-frames img')].some((i) => i.naturalWidth > 0)"
        )
        visitor.page.locator("#panel-frames [data-outcome=right]").first.wait_for()
        visitor.screenshot("live")


def test_the_token_leaves_the_address_and_stays_in_the_tab(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        assert "token" not in visitor.page.url
        visitor.page.reload()
        visitor.page.locator("#connection[data-status=open]").wait_for()
        assert "token" not in visitor.page.content()


def test_without_a_token_the_page_shows_nothing_and_says_why(solution: Device, visit: Visit) -> None:
    assert solution.endpoints is not None
    with visit(solution, solution.endpoints["page"].split("#")[0]) as visitor:
        visitor.page.goto(visitor.url)
        visitor.page.locator("#connection[data-status=refused]").wait_for()
        assert "token" in visitor.page.locator("#problem").inner_text()
        assert visitor.page.locator(".node").count() == 0
        # The browser itself says that the answer was 401.
        assert {one.split(" (")[0] for one in visitor.complaints()} == {
            "console: Failed to load resource: the server responded with a status of 401"
        }
        visitor.forgive()


def test_every_view_opens(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.page.locator("#panel-frames [data-outcome=right]").first.wait_for()
        for view in VIEWS:
            visitor.view(view)
            for other in VIEWS:
                assert visitor.page.locator(f"#view-{other}").is_visible() is (other == view)
            visitor.screenshot(view if view != "live" else "live-later")


def test_a_frame_tells_everything_about_itself(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.page.locator("#panel-frames [data-outcome=right]").first.click()
        dialog = visitor.page.locator("#detail")
        dialog.get_by_text("traceparent").first.wait_for()
        dialog.get_by_text("predictions").first.wait_for()
        visitor.screenshot("detail")
        visitor.page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")


def test_a_twin_edit_changes_the_camera_and_shows_its_acknowledgement(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").click()
        fps = visitor.page.locator(FPS)
        fps.get_by_label("Value of fps").fill("7")
        fps.get_by_role("button", name="Set fps").click()
        visitor.page.locator(f"{FPS}[data-verdict=applied]").wait_for()
        assert solution.twin("camera")["fps"]["value"] == 7
        assert "applied (200)" in fps.locator(".verdict").inner_text()
        visitor.screenshot("control")
        # Refused: the camera goes on as it was, and says why.
        fps.get_by_label("Value of fps").fill("-3")
        fps.get_by_role("button", name="Set fps").click()
        visitor.page.locator(f"{FPS}[data-verdict=refused]").wait_for()
        assert "in force: 7" in fps.locator(".verdict").inner_text()
        fps.get_by_role("button", name="Remove fps").click()
        wait_for(lambda: solution.twin("camera")["fps"]["value"] == 5, "the camera's own rate")
        visitor.page.locator(f"{FPS}[data-verdict=other]").wait_for()


def test_nothing_is_set_that_nobody_typed_and_secrets_stay(solution: Device, visit: Visit) -> None:
    solution.control.patch_desired("camera", {"apiKey": "geheim", "region": {"x": 1, "y": 2}})
    try:
        with visit(solution) as visitor:
            visitor.open()
            visitor.node("module camera").click()
            secret = visitor.page.locator('[data-property="apiKey"]')
            field = secret.get_by_label("Value of apiKey")
            field.wait_for()
            assert field.get_attribute("placeholder") == "hidden: type to replace"
            for row in (secret, visitor.page.locator(FPS)):
                row.get_by_role("button", name="Set").click()
                row.locator(".failure", has_text="nothing was changed").wait_for()
            # In force, and seen so.
            assert visitor.page.locator(FPS).get_by_label("Value of fps").get_attribute("placeholder") == "5"
            # A key that is taken out of an object is deleted.
            region = visitor.page.locator('[data-property="region"]')
            region.get_by_label("Value of region").fill('{"x": 1}')
            region.get_by_role("button", name="Set region").click()
            wait_for(lambda: solution.twin("camera", "desired")["region"] == {"x": 1}, "a region without y")
            assert solution.twin("camera", "desired")["apiKey"] == "geheim"
            assert "fps" not in solution.twin("camera", "desired")
    finally:
        solution.control.patch_desired("camera", {"apiKey": None, "region": None})


def test_what_somebody_types_is_not_taken_away(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").click()
        field = visitor.page.locator(FPS).get_by_label("Value of fps")
        field.fill("11")
        solution.control.patch_desired("camera", {"sceneSeconds": 3})
        visitor.page.locator('[data-property="sceneSeconds"][data-verdict=applied]').wait_for()
        assert field.input_value() == "11"


def test_the_camera_is_paused_and_resumed(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").click()
        visitor.page.get_by_role("button", name="Pause", exact=True).click()
        wait_for(lambda: solution.twin("camera")["state"] == "paused", "a camera that is paused")
        visitor.page.get_by_text("pause: 200").wait_for()
        visitor.page.get_by_role("button", name="Resume", exact=True).click()
        wait_for(lambda: solution.twin("camera")["state"] == "running", "a camera that runs")
        # A module without these methods says so once, and then has no such buttons.
        visitor.page.locator("#panel-control .chooser").get_by_role("button", name="classifier").click()
        visitor.page.get_by_role("button", name="Pause", exact=True).click()
        visitor.page.get_by_text("pause: 404").wait_for()
        assert visitor.page.get_by_role("button", name="Pause", exact=True).count() == 0


def test_logs_are_read_with_filters(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").click()
        visitor.page.get_by_role("button", name="Read the log").click()
        log = visitor.page.locator("#panel-control .logs")
        log.filter(has_text="camera").wait_for()
        visitor.page.get_by_label("Regular expression").fill("no line has this")
        visitor.page.get_by_role("button", name="Read the log").click()
        log.filter(has_text="No line of the log fits.").wait_for()


def test_the_upstream_is_taken_down_fills_and_drains(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        waiting, sent = number_before(visitor, "waiting"), number_before(visitor, "sent")
        visitor.page.get_by_role("button", name="Take the upstream down").click()
        visitor.page.locator(".node[data-node=upstream][data-health=bad]").wait_for()
        wait_for(lambda: waiting() >= 2, "messages that wait for the upstream")
        wait_for(lambda: solution.queues()["iothub"] >= 2, "the same in the hub itself")
        assert visitor.unreadable() == []
        before = sent()
        visitor.screenshot("upstream-down")
        visitor.page.get_by_role("button", name="Bring the upstream back").click()
        visitor.page.locator(".node[data-node=upstream][data-health=good]").wait_for()
        wait_for(lambda: waiting() == 0, "an empty queue")
        assert sent() >= before + 2


def test_a_module_that_is_killed_turns_red_and_back(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        node = "module results_filter"
        visitor.page.locator(f'.node[data-node="{node}"][data-health=good]').wait_for()
        os.kill(solution.module("results_filter")["pid"], signal.SIGKILL)
        visitor.page.locator(f'.node[data-node="{node}"][data-health=bad]').wait_for()
        assert visitor.unreadable() == []
        visitor.screenshot("killed")
        visitor.page.locator(f'.node[data-node="{node}"][data-health=good]').wait_for()
        assert "1 restart" in visitor.node(node).text_content()


def test_a_module_is_restarted(solution: Device, visit: Visit) -> None:
    before = solution.module("classifier")["pid"]
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module classifier").click()
        visitor.page.get_by_role("button", name="Restart classifier").click()
        visitor.page.get_by_text("classifier is being started again.").wait_for()
        solution.module("classifier", other_than=before)
