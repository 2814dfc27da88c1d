"""What the hub process says when it cannot begin, and how it serves."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edge_runtime.heads.observer import ObserverApi
from edge_runtime.hub_process import _PortTakenError, _serve_tcp
from tests.hub.running import running_hub
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("127.0.0.1", "or run with --address 127.0.0.2."),
        ("172.18.0.1", "or bind it to one address instead of all."),
    ],
)
def test_a_taken_port_has_a_mend_that_fits_the_address(address: str, mend: str) -> None:
    said = str(_PortTakenError(address))
    assert said.startswith(f"{address}:8883 is taken by another process")
    assert said.endswith(mend)


async def test_a_reader_of_the_feed_that_has_gone_is_forgotten(tmp_path: Path, loopback: str) -> None:
    """Also when nothing happens that could be written to it."""
    async with running_hub(tmp_path) as hub, AsyncExitStack() as stack:
        application = ObserverApi(hub, token="token", instance="i").application()
        url = await _serve_tcp(stack, application, loopback, 0)
        reader, writer = await asyncio.open_connection(loopback, urlsplit(url).port)
        writer.write(b"GET /v1/feed?types=stored&token=token HTTP/1.1\r\nHost: hub\r\n\r\n")
        await reader.readuntil(b"hello")
        assert hub.feed.wanted("stored")
        writer.close()
        other, writer = await asyncio.open_connection(loopback, urlsplit(url).port)
        writer.write(b"GET /v1/snapshot HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer \xff\r\n\r\n")
        assert (await other.readline()).split()[1] == b"401"
        writer.close()
        async with asyncio.timeout(PATIENCE_S):
            while hub.feed.wanted("stored"):
                await asyncio.sleep(0.01)
