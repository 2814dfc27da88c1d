"""edgeHub's settings by its environment variables (spec D.7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.hub.configuration import apply_configuration
from edge_runtime.hub.ports import Feature
from edge_runtime.hub.settings import DEFAULTS, HubSettings, names, read
from tests.hub.links import RecordingLink
from tests.hub.running import running_hub
from tests.hub.test_edge_hub import CLASSIFIER, TO_CLASSIFIER, manifest, publish
from tests.patience import eventually


@pytest.mark.parametrize(
    ("name", "text", "settings"),
    [
        ("MaxConnectedClients", "3", HubSettings(max_connected_clients=3)),
        ("maxconnectedclients", " 250 ", HubSettings(max_connected_clients=250)),
        ("MessageAckTimeoutSecs", "5", HubSettings(message_ack_timeout_s=5)),
        ("MessageCleanupIntervalSecs", "60", HubSettings(message_cleanup_interval_s=60)),
        ("ReportedPropertiesSyncFrequencySecs", "1", HubSettings(reported_properties_sync_s=1)),
        ("mqttSettings__ConnectArrivalTimeout", "00:00:30", HubSettings(connect_timeout_s=30)),
        ("MqttSettings:connectarrivaltimeout", "01:00:00", HubSettings(connect_timeout_s=3600)),
    ],
)
def test_what_a_variable_sets(name: str, text: str, settings: HubSettings) -> None:
    document, warnings = read({name: text})
    assert warnings == []
    assert HubSettings.of(document) == settings  # as the hub process reads it from hub.json
    assert HubSettings.of({}) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "warning"),
    [
        (
            "MaxConnectedClients",
            "0",
            "MaxConnectedClients: '0' is no whole number from 1 to 10000; it stays 100",
        ),
        ("MaxConnectedClients", "many", "it stays 100"),
        ("MaxConnectedClients", "-1", "it stays 100"),
        ("MaxConnectedClients", "1" * 5000, "it stays 100"),
        ("MessageAckTimeoutSecs", "2.5", "it stays 30"),
        ("mqttSettings__ConnectArrivalTimeout", "00:01", "00:01:00; it stays 60"),
        ("mqttSettings__ConnectArrivalTimeout", "-1:00:00", "it stays 60"),
        ("OptimizeForPerformance", "false", "OptimizeForPerformance has no effect on this hub"),
        ("ConnectArrivalTimeout", "00:00:30", "mqttSettings__ConnectArrivalTimeout"),
    ],
)
def test_what_sets_nothing_is_told_by_name(name: str, text: str, warning: str) -> None:
    document, warnings = read({name: text})
    assert document == {}
    assert len(warnings) == 1
    assert warning in warnings[0]
    assert all(one in warnings[0] for one in names()) is ("no effect" in warnings[0])


def test_a_hub_json_that_names_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="MaxClients means nothing"):
        HubSettings.of({"MaxClients": 3})


async def test_a_message_that_is_not_confirmed_comes_again_after_the_time_that_is_set(tmp_path: Path) -> None:
    settings = HubSettings(message_ack_timeout_s=0.05)
    async with running_hub(tmp_path, settings=settings) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER}))
        link = RecordingLink()
        hub.attach(CLASSIFIER, link, frozenset({Feature.INPUTS}))
        await publish(hub, 1)
        await eventually(lambda: ("frames", 1, True) in link.sent)


async def test_expired_messages_are_swept_as_often_as_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_runtime.hub.edge_hub._CLEANUP_INTERVAL_IF_FULL_S", 0.01)
    settings = HubSettings(message_cleanup_interval_s=0.01)
    async with running_hub(tmp_path, settings=settings) as hub:
        await apply_configuration(hub, manifest({"a": TO_CLASSIFIER}, time_to_live_s=0))
        await publish(hub, 1)
        await eventually(lambda: hub.statistics.dropped["ttl_expiry"] == 1)
