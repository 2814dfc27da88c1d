"""A browser before the page, and what goes wrong in it: scripts, the console, the content policy, foreign requests."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page, Request, sync_playwright

from tests.e2e.device import ROOT
from tests.patience import PATIENCE_S

SCREENSHOTS = Path(os.environ.get("SCREENSHOTS") or ROOT / ".screenshots")
LOOKS = Path(__file__).with_name("looks.js").read_text()
PATIENCE_MS = 1000 * PATIENCE_S
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
VIEWS = ("live", "events", "model", "messages", "control", "explain")

# What the page must never run says so here: a dialog would need a user, and a request is refused by the policy.
_RECORDER = """
window.hostile = [];
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI));
"""


def chromium() -> str | None:
    """Debian's, or whichever `CHROMIUM` names."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def keys(rows: Locator) -> list[str]:
    """Of lists that the page keeps by key, in their order."""
    found: list[str] = rows.evaluate_all("rows => rows.map((row) => row.dataset.key)")
    return found


@contextlib.contextmanager
def launched(executable: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Its sandbox wants a user who is not root.
        browser = playwright.chromium.launch(
            executable_path=executable, chromium_sandbox=os.geteuid() != 0, timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


class Visitor:
    """One tab with an address of its own to remember; `complaints` has what went wrong in it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self._complaints: list[str] = []
        self._origin = urljoin(url, "/")
        page.set_default_timeout(PATIENCE_MS)
        page.add_init_script(_RECORDER)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._complaints.append(f"script: {error}"))
        page.on("request", self._request)
        page.on("dialog", self._dialog)

    def complaints(self) -> list[str]:
        """All so far; those of the policy and of hostile content that was run, too."""
        found: list[str] = self.page.evaluate("[...violations, ...hostile]")
        return [*self._complaints, *found]

    def forgive(self) -> None:
        """What was complained of until now was meant to happen."""
        self._complaints.clear()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complaints.append(f"console: {message.text}")

    def _dialog(self, dialog: Dialog) -> None:
        self._complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._origin, "blob:")):
            self._complaints.append(f"request: {request.url}")

    def open(self) -> Visitor:
        """Until the page says that it is live."""
        self.page.goto(self.url)
        self.page.locator("#connection[data-status=open]").wait_for()
        return self

    def view(self, name: str) -> None:
        self.page.locator(f"#link-{name}").click()
        self.page.locator(f"#view-{name}").wait_for()

    def node(self, name: str) -> Any:
        """Of the topology; its `data-health` is good, busy, bad or off."""
        return self.page.locator(f'.node[data-node="{name}"]')

    def unreadable(self) -> list[str]:
        """What of all that is visible now a person could not read or not reach."""
        found: list[str] = self.page.evaluate(LOOKS)
        return found

    def screenshot(self, name: str) -> Path:
        """The whole page, as it would be after scrolling."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.evaluate("scrollTo(0, 0)")
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path
