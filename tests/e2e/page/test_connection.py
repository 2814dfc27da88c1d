"""A page whose runtime goes away says so, and goes on when it is back."""

from __future__ import annotations

import os
import signal
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device
from tests.e2e.page.browser import Visitor, keys
from tests.e2e.page.conftest import Visit
from tests.e2e.page.relay import relayed
from tests.edge.manifest import deployment
from tests.patience import wait_for

pytestmark = pytest.mark.slow

ALONE = deployment({"alone": {}}, {"all": "FROM /messages/* INTO $upstream"})
CARDS = "#panel-frames .card"
MESSAGES = "#panel-messages tbody tr"


def wait_for_newer(visitor: Visitor, rows: str, before: list[str]) -> None:
    """The newest stands first, whatever was there before."""
    wait_for(lambda: keys(visitor.page.locator(rows))[:1] not in ([], before[:1]), "something newer")
    assert keys(visitor.page.locator(rows))[0] not in before


def test_a_hub_that_is_killed_is_shown_as_down_and_what_comes_after_it_too(
    solution: Device, visit: Visit
) -> None:
    with visit(solution) as visitor:
        visitor.open()
        visitor.page.locator(CARDS).first.wait_for()
        before = solution.hub()
        os.kill(before["pid"], signal.SIGKILL)
        visitor.page.locator("#problem").get_by_text("hub process is down").wait_for()
        seen = keys(visitor.page.locator(CARDS))
        visitor.page.locator("#problem").wait_for(state="hidden")
        assert solution.hub() != before
        wait_for_newer(visitor, CARDS, seen)
        visitor.page.locator('.node[data-node="module camera"][data-health=good]').wait_for()


def test_a_connection_that_breaks_goes_on_with_what_is_new(solution: Device, visit: Visit) -> None:
    assert solution.endpoints is not None
    with relayed(solution.endpoints["page"]) as (relay, url), visit(solution, url) as visitor:
        visitor.open()
        visitor.page.locator(CARDS).nth(3).wait_for()
        cards = keys(visitor.page.locator(CARDS))
        visitor.view("messages")
        visitor.page.locator(MESSAGES).nth(20).wait_for()
        relay.cut()
        visitor.page.locator("#connection[data-status=waiting]").wait_for()
        assert "what is shown is old" in visitor.page.locator("#problem").inner_text()
        messages = keys(visitor.page.locator(MESSAGES))
        relay.mend()
        visitor.page.locator("#connection[data-status=open]").wait_for()
        # The browser's own words for a connection that was refused.
        visitor.forgive()
        wait_for_newer(visitor, MESSAGES, messages)
        visitor.view("live")
        wait_for_newer(visitor, CARDS, cards)
        # Reports come, too.
        visitor.node("module camera").click()
        solution.control.patch_desired("camera", {"sceneSeconds": 3})
        visitor.page.locator('[data-property="sceneSeconds"][data-verdict=applied]').wait_for()
        solution.control.patch_desired("camera", {"sceneSeconds": None})


def test_a_run_that_ends_is_told_and_another_one_wants_its_own_token(
    device: StartDevice, visit: Visit
) -> None:
    running = device(ALONE, "--without", "alone", "--page").up()
    assert running.endpoints is not None
    port = urlsplit(running.endpoints["page"]).port
    with visit(running) as visitor:
        visitor.open()
        assert running.stop() == 0
        visitor.page.locator("#connection[data-status=waiting]").wait_for()
        assert "what is shown is old" in visitor.page.locator("#problem").inner_text()
        again = device(ALONE, "--without", "alone", "--page", str(port)).up()
        visitor.page.locator("#connection[data-status=refused]").wait_for()
        # The browser's own words for a connection that was refused, and for 401.
        visitor.forgive()
        assert again.endpoints is not None
        visitor.page.goto(again.endpoints["page"])
        visitor.page.locator("#connection[data-status=open]").wait_for()
