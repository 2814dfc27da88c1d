from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge_runtime.hub.configuration import apply_configuration
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import AuthenticationError, NotReadyError
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import CAMERA, CLASSIFIER, manifest, token
from tests.hub.upstreams import FlakyUpstream

STRANGER = ClientId("edge", "stranger")


async def refusal(hub: EdgeHub, client: ClientId, shown: str) -> str:
    with pytest.raises(AuthenticationError) as caught:
        hub.authenticate(client, shown)
    return caught.value.reason


async def test_nobody_is_refused_for_good_before_the_first_deployment(tmp_path: Path) -> None:
    """What the Python SDK does not survive during a reconnect (spec A.7): a hub whose store is new, or old."""
    async with running_hub(tmp_path, FlakyUpstream()) as hub:
        with pytest.raises(NotReadyError, match="edge/camera"):
            hub.authenticate(CAMERA, "any token")
        await apply_configuration(hub, manifest({}))
        shown = await token(hub, CAMERA, expiry=time.time() + 60)
        assert hub.authenticate(CAMERA, shown) > time.time()
        assert await refusal(hub, STRANGER, shown) == "unknown_identity"
    async with running_hub(tmp_path, FlakyUpstream()) as hub:
        # Those in the store are let in at once, as quickly as a hub can come back.
        assert hub.authenticate(CAMERA, shown) > time.time()
        assert await refusal(hub, CLASSIFIER, shown) == "wrong_audience"
        with pytest.raises(NotReadyError):
            hub.authenticate(STRANGER, shown)
        await apply_configuration(hub, manifest({}))
        assert await refusal(hub, STRANGER, shown) == "unknown_identity"
