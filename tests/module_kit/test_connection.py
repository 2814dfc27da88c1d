from __future__ import annotations

import asyncio

import pytest

from module_kit.connection import ConnectionWatch, NotAnEdgeModule, require_edge, to_sdk
from module_kit.message import Outgoing
from tests.patience import PATIENCE_S

BY_API = dict.fromkeys(
    ["IOTEDGE_IOTHUBHOSTNAME", "IOTEDGE_DEVICEID", "IOTEDGE_MODULEID", "IOTEDGE_GATEWAYHOSTNAME",
     "IOTEDGE_MODULEGENERATIONID", "IOTEDGE_WORKLOADURI", "IOTEDGE_APIVERSION"], "x",
)  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        (BY_API, None),
        ({"EdgeHubConnectionString": "x", "EdgeModuleCACertificateFile": "y"}, None),
        ({**BY_API, "EdgeHubConnectionString": "x"}, None),
        ({"EdgeHubConnectionString": "x"}, "IOTEDGE_IOTHUBHOSTNAME"),
        ({k: v for k, v in BY_API.items() if k != "IOTEDGE_WORKLOADURI"}, "lacks IOTEDGE_WORKLOADURI \\(and"),
    ],
)
def test_require_edge(environment: dict[str, str], missing: str | None) -> None:
    if missing is None:
        require_edge(environment)
        return
    with pytest.raises(NotAnEdgeModule, match=missing):
        require_edge(environment)


def test_the_sdks_message_carries_everything() -> None:
    message = to_sdk(Outgoing(b"{}", "id", "application/json", "utf-8", {"schema": "event/1"}))
    assert (message.data, message.message_id) == (b"{}", "id")
    assert (message.content_type, message.content_encoding) == ("application/json", "utf-8")
    assert message.custom_properties == {"schema": "event/1"}


class StubbornClient:
    """The SDK's client after it has stopped reconnecting for good."""

    connected = False

    def __init__(self) -> None:
        self.attempts = 0

    async def connect(self) -> None:
        self.attempts += 1
        if self.attempts < 2:
            raise ConnectionError("refused")
        self.connected = True


async def test_an_sdk_that_has_given_up_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("module_kit.connection._GIVEN_UP_AFTER_S", 0.0)
    client = StubbornClient()
    changes: list[bool] = []
    keeping = asyncio.create_task(ConnectionWatch(client, changes.append).keep())
    async with asyncio.timeout(PATIENCE_S):
        while changes != [False, True]:
            await asyncio.sleep(0.01)
    keeping.cancel()
    assert client.attempts == 2
