"""The live page beside a run (docs/page.md). Whatever happens to the page, the run goes on."""

from __future__ import annotations

import html
import logging
import os
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_runtime.state_folder import StateFolder, write_private
from edge_runtime.supervisor.announce import Announcer
from edge_runtime.supervisor.options import DEFAULT_ADDRESS, RunOptions

if TYPE_CHECKING:
    from edge_runtime.page.server import PageServer

_log = logging.getLogger(__name__)
_LINK = "page.html"
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
_MEND = "open the address that is printed"


class PageListener:
    """`start`, then `follow` with each content of endpoints.json, then `stop`. Nothing happens without `--page`.

    `url` is None while there is no page; `warnings` what is not as it was asked for.
    """

    def __init__(self, options: RunOptions, folder: StateFolder, announcer: Announcer) -> None:
        self._options = options
        self._folder = folder
        self._announcer = announcer
        self._server: PageServer | None = None
        self._told = False
        self.url: str | None = None
        self.warnings: tuple[str, ...] = ()

    async def start(self) -> None:
        """Listen. Without a page where that fails, and a warning says so."""
        if self._options.page_port is None:
            return
        # Heavy, and the hub starts at the same time on another processor: so not at the top.
        from edge_runtime.page.server import PageServer  # noqa: PLC0415

        # A container's way to the device must not lead to the page.
        address = DEFAULT_ADDRESS if self._options.engine == "docker" else self._options.address
        self._server = server = PageServer(self._folder.upstream_store)
        try:
            await server.start(address, self._options.page_port)
        except OSError as error:
            self.warnings = (
                f"there is no page: {address} cannot be listened on ({os.strerror(error.errno or 0)})",
            )
            return
        except Exception:  # noqa: BLE001 - a page that fails never harms the run
            _log.exception("the live page could not be started")
            self.warnings = ("there is no page: it could not be started, and edgeAgent's log says why",)
            return
        self.url, self.warnings = server.url, server.warnings

    def follow(self, endpoints: Mapping[str, Any]) -> None:
        """Where the runtime answers; the first time, the address is printed, and opened if that was asked for."""
        if self._server is None or self.url is None:
            return
        from edge_runtime.page.endpoints import Endpoints  # noqa: PLC0415

        self._server.follow(Endpoints.of(endpoints))
        if self._told:
            return
        self._told = True
        self._announcer.say("page", f"the live page: {self.url}", url=self.url)
        if self._options.open_page:
            self._open(self.url)

    async def stop(self) -> None:
        """End every browser's stream."""
        try:
            self._link.unlink(missing_ok=True)
            if self._server is not None:
                await self._server.stop()
        except Exception:  # noqa: BLE001 - the hub and the modules are to be stopped all the same
            _log.exception("the live page could not be stopped")

    @property
    def _link(self) -> Path:
        return self._folder.path / _LINK

    def _open(self, url: str) -> None:
        # The list of processes is everybody's: a browser's arguments must not name the token.
        address = html.escape(url, quote=True)
        try:
            write_private(
                self._link, f'<!doctype html><meta http-equiv="refresh" content="0; url={address}">\n'
            )
        except OSError as error:
            self._announcer.trouble(f"warning: --open: {error}; {_MEND}")
            return
        # A program that `webbrowser` does not know is waited for: the run must not wait for it at its end.
        threading.Thread(
            target=self._open_in_browser, args=(self._link.as_uri(),), name="browser", daemon=True
        ).start()

    def _open_in_browser(self, uri: str) -> None:
        # Without a screen a browser for terminals would be found, and take this one.
        on_screen = any(os.environ.get(name) for name in _SCREENS)
        try:
            opened = on_screen and webbrowser.open(uri)
        except (webbrowser.Error, OSError):
            opened = False
        if not opened:
            self._announcer.trouble(f"warning: --open: no browser can be started here; {_MEND}")
