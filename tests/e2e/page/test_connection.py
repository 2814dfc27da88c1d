"""A page whose runtime goes away says so, and goes on when it is back."""

from __future__ import annotations

import os
import signal
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.page.conftest import Visit
from tests.edge.manifest import deployment

pytestmark = pytest.mark.slow

ALONE = deployment({"alone": {}}, {"all": "FROM /messages/* INTO $upstream"})


def test_a_hub_that_is_killed_is_shown_as_down_and_up_again(device: StartDevice, visit: Visit) -> None:
    running = device(ALONE, "--without", "alone", "--page").up()
    with visit(running) as visitor:
        visitor.open()
        before = running.hub()
        visitor.node("upstream").wait_for()
        os.kill(before["pid"], signal.SIGKILL)
        visitor.page.locator("#problem").get_by_text("hub process is down").wait_for()
        visitor.page.locator("#problem").wait_for(state="hidden")
        assert running.hub() != before
        visitor.node("upstream").wait_for()


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
