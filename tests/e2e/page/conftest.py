"""The browser, and a device with the whole solution and its page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.device import Device

pytest.importorskip(
    "playwright.sync_api", reason="playwright is not there: start these tests with scripts/test-page"
)

from playwright.sync_api import Browser

from tests.e2e.page.browser import DESKTOP, Visitor, chromium, launched

Visit = Callable[..., contextlib.AbstractContextManager[Visitor]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("chromium is not installed (apt-get install -y chromium, or CHROMIUM=PATH)")
    with launched(executable) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser) -> Visit:
    """`with visit(device, color_scheme="dark") as visitor`: a fresh tab, which must have nothing to complain of."""

    @contextlib.contextmanager
    def visiting(device: Device, url: str | None = None, **options: Any) -> Iterator[Visitor]:
        assert device.endpoints is not None
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        try:
            visitor = Visitor(context.new_page(), url or device.endpoints["page"])
            try:
                yield visitor
            except Exception as error:
                error.add_note(
                    f"the page: {visitor.screenshot('failed')}, its complaints: {visitor.complaints()}"
                )
                raise
            assert visitor.complaints() == []
        finally:
            context.close()

    return visiting


@pytest.fixture(scope="module")
def solution(shared_device: StartDevice) -> Device:
    """The template as it is, with drawn frames."""
    return shared_device(None, "--page", CAMERA_FPS="5", CAMERA_FRAMES="0").up()
