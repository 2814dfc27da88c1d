"""Whatever a module sends, reports or answers is shown as text, and nothing of it runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device, program
from tests.e2e.page.browser import VIEWS, Visitor
from tests.e2e.page.conftest import Visit
from tests.e2e.page.stranger import ATTACKS
from tests.edge.manifest import deployment

pytestmark = pytest.mark.slow

MODULE = "stranger"
FOREIGN = "script:not([src='app.js']), iframe, object, embed, [onerror], [onload], [href^='javascript' i], svg script"
# Names of properties hold no blanks and no . $ #.
# What each view shows once it has something of the stranger's.
SIGNS = {
    "model": "#panel-model .figure",
    "control": f"#panel-control .chooser button:has-text('{MODULE}')",
    "explain": f"#panel-explain option:has-text('{MODULE}')",
}
NAME = "<img/src=x/onerror=hostile[hostile['length']]='name'>"
PROPERTIES = "#panel-control [data-property]"


@pytest.fixture(scope="module")
def harmful(shared_device: StartDevice) -> Iterator[Device]:
    """A device whose one module means harm."""
    desired = {NAME: ATTACKS[1], "label": ATTACKS[2], "nested": {"__proto__": {"polluted": ATTACKS[3]}}}
    manifest = deployment({MODULE: desired}, {"all": f"FROM /messages/modules/{MODULE}/* INTO $upstream"})
    running = shared_device(manifest, "--without", MODULE, "--page").up()
    with program(running, MODULE, sys.executable, str(Path(__file__).with_name("stranger.py"))):
        yield running


def assert_nothing_ran(visitor: Visitor) -> None:
    assert visitor.complaints() == []
    assert visitor.page.locator(FOREIGN).count() == 0
    assert visitor.page.evaluate("({}).polluted") is None


def test_messages_are_text_in_every_view(harmful: Device, visit: Visit) -> None:
    with visit(harmful) as visitor:
        visitor.open()
        visitor.page.locator("#panel-frames .card[data-outcome]:not([data-outcome=waiting])").first.wait_for()
        for view in VIEWS:
            visitor.view(view)
            if view in {"live", "events", "messages"}:
                visitor.page.locator(f"#view-{view}").get_by_text("hostile.push").filter(
                    visible=True
                ).first.wait_for()
            else:
                visitor.page.locator(SIGNS[view]).first.wait_for(state="attached")
            if view == "messages":
                visitor.page.locator("#panel-messages thead").get_by_text("__proto__").wait_for()
            assert_nothing_ran(visitor)
            visitor.screenshot(f"hostile-{view}")


def test_all_about_a_message_is_text(harmful: Device, visit: Visit) -> None:
    with visit(harmful) as visitor:
        visitor.open()
        visitor.page.locator("#panel-frames .card").first.click()
        visitor.page.locator("#detail").get_by_text("hostile.push").filter(visible=True).first.wait_for()
        assert_nothing_ran(visitor)
        visitor.screenshot("hostile-detail")


def test_twins_and_answers_of_methods_are_text(harmful: Device, visit: Visit) -> None:
    with visit(harmful) as visitor:
        visitor.open()
        visitor.view("control")
        label = visitor.page.locator('#panel-control [data-property="label"][data-verdict=refused] .verdict')
        label.wait_for()
        assert ATTACKS[0] in label.inner_text()
        names = visitor.page.locator(PROPERTIES).evaluate_all("all => all.map((one) => one.dataset.property)")
        assert NAME in names
        visitor.page.get_by_label("Method").fill(ATTACKS[2])
        visitor.page.get_by_role("button", name="Call").click()
        visitor.page.locator("#panel-control .answer").get_by_text("hostile.push('script')").wait_for()
        visitor.page.get_by_label("Method").fill("fail")
        visitor.page.get_by_role("button", name="Call").click()
        visitor.page.locator("#panel-control .answer").get_by_text("fail: 500").wait_for()
        assert_nothing_ran(visitor)
        visitor.screenshot("hostile-control")


def test_hostile_content_would_be_noticed(harmful: Device, visit: Visit) -> None:
    """The same attack by a page that writes HTML: the policy refuses it, and this visitor tells."""
    with visit(harmful) as visitor:
        visitor.open()
        refused = visitor.page.evaluate(
            "attack => { try { document.body.innerHTML = attack } catch (error) { return error.name } }",
            ATTACKS[0],
        )
        assert refused == "TypeError"
        visitor.page.wait_for_function("violations.length > 0")
        assert any("require-trusted-types-for" in one for one in visitor.complaints())
        visitor.page.evaluate("violations.length = 0")
        visitor.forgive()
