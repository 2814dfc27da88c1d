"""Readable and usable: on a phone, light and dark, by keyboard alone, without motion."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device
from tests.e2e.page.browser import DESKTOP, PHONE, VIEWS, Visitor
from tests.e2e.page.conftest import Visit
from tests.edge.manifest import deployment
from tests.patience import wait_for

pytestmark = pytest.mark.slow

SIBLINGS = ("one", "two", "three", "four", "five")


@contextlib.contextmanager
def properties(device: Device) -> Iterator[None]:
    """One that is applied, and two that are refused, of which the camera does not know one."""
    version = device.control.patch_desired("camera", {"fps": 4})
    # A camera that is still busy takes both together, and refuses them together.
    wait_for(lambda: device.twin("camera").get("fps", {}).get("av") == version, "the camera's answer")
    device.control.patch_desired("camera", {"sceneSeconds": -1, "label": "a text of more than one word"})
    yield
    device.control.patch_desired("camera", {"fps": None, "sceneSeconds": None, "label": None})


def look_at_a_message(visitor: Visitor) -> list[str]:
    visitor.page.locator("#panel-frames [data-outcome=right]").first.click()
    detail = visitor.page.locator("#detail")
    detail.get_by_text("traceparent").first.wait_for()
    found = visitor.unreadable()
    visitor.page.keyboard.press("Escape")
    detail.wait_for(state="hidden")
    return found


def offsets(flowing: Locator) -> int:
    """In how many places the dots of an edge are during a second and a half, in which they take seven steps."""
    found: int = flowing.evaluate(
        """async (path) => {
            const seen = new Set();
            for (let look = 0; look < 15; look += 1) {
                seen.add(getComputedStyle(path).strokeDashoffset);
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
            return seen.size;
        }"""
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_everything_can_be_read(solution: Device, visit: Visit, size: dict[str, int], scheme: str) -> None:
    with properties(solution), visit(solution, viewport=size, color_scheme=scheme) as visitor:
        visitor.open()
        # The topology grows as it is first drawn; what it pushes out of sight is not drawn.
        visitor.page.locator(".node[data-health=good]").first.wait_for()
        visitor.page.locator("#heading-frames").scroll_into_view_if_needed()
        visitor.page.locator("#panel-frames [data-outcome=right]").first.wait_for()
        assert look_at_a_message(visitor) == []
        for view in VIEWS:
            visitor.view(view)
            if view == "control":
                panel = visitor.page.locator("#panel-control")
                panel.locator(".chooser").get_by_role("button", name="camera").click()
                for verdict in ("applied", "refused", "other"):
                    panel.locator(f"[data-verdict={verdict}]").first.wait_for()
            assert {view: visitor.unreadable()} == {view: []}
            visitor.screenshot(f"{view}-{size['width']}-{scheme}")


def test_the_theme_can_be_chosen_and_is_remembered(solution: Device, visit: Visit) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with visit(solution, color_scheme="light") as visitor:
        visitor.open()
        light = visitor.page.evaluate(ground)
        visitor.page.get_by_label("Theme").select_option("dark")
        dark = visitor.page.evaluate(ground)
        assert light != dark
        visitor.page.reload()
        visitor.page.locator("#connection[data-status=open]").wait_for()
        assert visitor.page.evaluate(ground) == dark


def test_the_keyboard_skips_to_the_content_and_chooses_a_module(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").wait_for()
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("document.activeElement.className") == "skip"
        visitor.page.keyboard.press("Enter")
        assert visitor.page.evaluate("document.activeElement.id") == "views"
        visitor.node("module camera").focus()
        visitor.page.keyboard.press("Enter")
        visitor.page.locator("#panel-control .module-name").get_by_text("camera").wait_for()
        assert visitor.page.evaluate("document.activeElement.id") == "view-control"


def test_tab_reaches_the_views_the_modules_and_the_switch(solution: Device, visit: Visit) -> None:
    """By the key alone: `focus()` reaches what nobody can."""
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").wait_for()
        wanted = {"a#skip", *(f"#link-{view}" for view in VIEWS), "#theme", "#upstream-switch"}
        wanted |= {f"module {name}" for name in ("camera", "classifier", "results_filter")}
        seen: list[str] = []
        for _ in range(60):
            visitor.page.keyboard.press("Tab")
            seen.append(
                visitor.page.evaluate(
                    """() => {
                        const one = document.activeElement;
                        return one.dataset.node ?? (one.className === "skip" ? "a#skip" : `#${one.id}`);
                    }"""
                )
            )
            if wanted <= set(seen):
                break
        assert wanted - set(seen) == set()


def test_the_focus_stays_when_properties_come_and_go(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").click()
        field = visitor.page.locator('[data-property="fps"]').get_by_label("Value of fps")
        field.focus()
        names = visitor.page.locator("#panel-control [data-property]")
        before = names.evaluate_all("all => all.map((one) => one.dataset.property)")
        patches: list[dict[str, Any]] = [
            {"aaa": 1, "sceneSeconds": 3},
            {"aaa": None, "sceneSeconds": None},
        ]
        for patch in patches:
            solution.control.patch_desired("camera", patch)
            count = len(before) + (patch["aaa"] is not None)
            visitor.page.wait_for_function(
                "n => document.querySelectorAll('#panel-control [data-property]').length === n", arg=count
            )
            label = visitor.page.evaluate("document.activeElement.getAttribute('aria-label')")
            assert label == "Value of fps"
        assert names.evaluate_all("all => all.map((one) => one.dataset.property)") == before


def test_siblings_are_not_made_small_on_a_phone(device: StartDevice, visit: Visit) -> None:
    routes = {name: f"FROM /messages/modules/{name}/outputs/* INTO $upstream" for name in SIBLINGS}
    without = [argument for name in SIBLINGS for argument in ("--without", name)]
    running = device(deployment({name: {} for name in SIBLINGS}, routes), *without, "--page").up()
    with visit(running, viewport=PHONE) as visitor:
        visitor.open()
        for name in SIBLINGS:
            visitor.node(f"module {name}").wait_for(state="attached")
        assert visitor.unreadable() == []
        # The picture scrolls in itself.
        widths = "(box) => [box.scrollWidth, box.clientWidth]"
        inner, outer = visitor.page.locator("#panel-topology .picture").evaluate(widths)
        assert inner > 2 * outer
        visitor.node("module five").click()
        visitor.page.locator("#panel-control .module-name").get_by_text("five").wait_for()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_what_flows_moves_unless_motion_is_not_wanted(solution: Device, visit: Visit, motion: str) -> None:
    with visit(solution, reduced_motion=motion) as visitor:
        visitor.open()
        flowing = visitor.page.locator(".edge:not([data-pace=none]) .flow").first
        flowing.wait_for()
        if motion == "no-preference":
            assert offsets(flowing) > 1
            visitor.page.get_by_role("button", name="Pause motion").click()
        assert offsets(flowing) == 1


def test_what_cannot_be_read_would_be_noticed(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").wait_for()
        visitor.page.evaluate("document.documentElement.style.setProperty('--muted', '#999')")
        visitor.page.evaluate(
            "document.querySelector('#theme').parentElement.replaceWith(document.createElement('select'))"
        )
        visitor.page.evaluate("document.querySelector('main').style.width = '3000px'")
        visitor.page.evaluate("document.querySelector('.graph').style.cssText = 'min-width: 0; width: 300px'")
        visitor.page.evaluate(
            """() => {
                const input = document.querySelector("#views").appendChild(document.createElement("input"));
                Object.assign(input, { type: "text", placeholder: "told by this alone", ariaLabel: "narrow one" });
                input.style.width = "60px";
            }"""
        )
        found = visitor.unreadable()
        looked_for = (
            "contrast 2.8 of",
            "no name: <select>",
            "pixels wide",
            "of the placeholder",
            "pixels of narrow one",
        )
        for what in (*looked_for, "small: "):
            assert any(what in one for one in found), (what, found)
