"""Who looks at the live page while the pipeline is measured: lean readers of its stream, or real browsers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from urllib.parse import urldefrag

import aiohttp

from benchmarks.errors import BenchmarkError

PATIENCE_S = 60.0
_LINE_LIMIT = 16 * 1024 * 1024
"""Of one event: a picture as base64 is on one line."""


@contextlib.asynccontextmanager
async def streams(page: str, number: int) -> AsyncIterator[None]:
    """Clients that take all of the page's stream and draw nothing: what a browser elsewhere is to this machine.

    Args:
        page: the address that `run --page` printed, with its token.
        number: of clients.

    Raises:
        BenchmarkError: one was refused or lost its connection.
    """
    address, fragment = urldefrag(page)
    headers = {"Authorization": f"Bearer {fragment.removeprefix('token=')}"}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=PATIENCE_S)
    async with aiohttp.ClientSession(
        address, headers=headers, timeout=timeout, read_bufsize=_LINE_LIMIT
    ) as session:
        arrived = [asyncio.Event() for _ in range(number)]
        tasks = [asyncio.create_task(_read(session, event), name="reader") for event in arrived]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(event.wait() for event in arrived))
            yield
            for task in tasks:
                if task.done():
                    raise BenchmarkError(f"a reader of the page's stream was lost: {task.exception()}")
        except TimeoutError:
            raise BenchmarkError(f"the page sent nothing for {PATIENCE_S:.0f} s") from None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _read(session: aiohttp.ClientSession, arrived: asyncio.Event) -> None:
    async with session.get("/api/v1/stream") as response:
        response.raise_for_status()
        async for _ in response.content.iter_any():
            arrived.set()
    raise BenchmarkError("the page ended it")


@contextlib.asynccontextmanager
async def browsers(page: str, number: int) -> AsyncIterator[None]:
    """`number` Chromiums without a window that show the page, on these same processors.

    Raises:
        BenchmarkError: Chromium is not installed, or ended by itself.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise BenchmarkError("--readers browsers: chromium is not installed (apt-get install -y chromium)")
    started: list[asyncio.subprocess.Process] = []
    with contextlib.ExitStack() as folders:
        try:
            for _ in range(number):
                profile = folders.enter_context(
                    tempfile.TemporaryDirectory(prefix="bench-pipeline-", ignore_cleanup_errors=True)
                )
                started.append(await _browser(chromium, profile, page))
            yield
            if any(browser.returncode is not None for browser in started):
                raise BenchmarkError("a browser ended by itself")
        finally:
            for browser in started:
                with contextlib.suppress(ProcessLookupError):
                    browser.terminate()
            for browser in started:
                await browser.wait()


async def _browser(chromium: str, profile: str, page: str) -> asyncio.subprocess.Process:
    # Its sandbox wants a user who is not root.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return await asyncio.create_subprocess_exec(
        *(chromium, "--headless=new", "--disable-gpu", "--no-first-run", "--window-size=1280,900"),
        *(*sandbox, f"--user-data-dir={profile}", page),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
