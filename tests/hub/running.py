"""A real hub with a real store in this process, for tests of whatever stands before it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.upstream_delivery import Upstream
from tests.hub.upstreams import FlakyUpstream

IOTHUB = "local.azure-devices.net"


@asynccontextmanager
async def running_hub(
    folder: Path, upstream: Upstream | None = None, **others: Any
) -> AsyncIterator[EdgeHub]:
    """The hub of the device `edge`, its store in `folder`, until the end; one that failed meanwhile fails the test.

    `others` are arguments of EdgeHub to set or replace. Without `upstream` everything is taken at once.
    """
    failures: list[Exception] = []
    given = {"device_id": "edge", "iothub_hostname": IOTHUB, "gateway_hostname": "127.0.0.1", **others}
    hub = EdgeHub(
        **given, database=folder / "hub.db", upstream=upstream or FlakyUpstream(), failed=failures.append
    )
    try:
        await hub.recover()
        background = asyncio.create_task(hub.run())
        try:
            yield hub
        finally:
            background.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await background
    finally:
        hub.close()
    assert failures == []
