"""Readable and usable: on a phone, light and dark, by keyboard alone, without motion."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.device import Device
from tests.e2e.page.browser import DESKTOP, PHONE, VIEWS
from tests.e2e.page.conftest import Visit

pytestmark = pytest.mark.slow

LOOKS = Path(__file__).with_name("looks.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_everything_can_be_read(solution: Device, visit: Visit, size: dict[str, int], scheme: str) -> None:
    with visit(solution, viewport=size, color_scheme=scheme) as visitor:
        visitor.open()
        visitor.page.locator("#heading-frames").scroll_into_view_if_needed()
        visitor.page.locator("#panel-frames [data-outcome=right]").first.wait_for()
        visitor.page.locator(".node[data-health=good]").first.wait_for()
        for view in VIEWS:
            visitor.view(view)
            if view == "control":
                visitor.page.locator("#panel-control [data-property]").first.wait_for()
            assert {view: visitor.page.evaluate(LOOKS)} == {view: []}
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


def test_the_keyboard_reaches_everything(solution: Device, visit: Visit) -> None:
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


@pytest.mark.parametrize(("motion", "animation"), [("no-preference", "flow"), ("reduce", "none")])
def test_what_flows_moves_unless_motion_is_not_wanted(
    solution: Device, visit: Visit, motion: str, animation: str
) -> None:
    with visit(solution, reduced_motion=motion) as visitor:
        visitor.open()
        flowing = visitor.page.locator(".edge:not([data-pace=none]) .flow").first
        flowing.wait_for()
        assert flowing.evaluate("(path) => getComputedStyle(path).animationName") == animation


def test_what_cannot_be_read_would_be_noticed(solution: Device, visit: Visit) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.node("module camera").wait_for()
        visitor.page.evaluate("document.documentElement.style.setProperty('--muted', '#999')")
        visitor.page.evaluate(
            "document.querySelector('#theme').parentElement.replaceWith(document.createElement('select'))"
        )
        visitor.page.evaluate("document.querySelector('main').style.width = '3000px'")
        found = visitor.page.evaluate(LOOKS)
        for what in ("contrast 2.8 of", "no name: <select>", "pixels wide"):
            assert any(what in one for one in found), (what, found)
