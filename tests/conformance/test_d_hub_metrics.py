"""edgeHub's built-in metrics, read as Prometheus reads them (D.6)."""

from __future__ import annotations

import asyncio
import math
import sys
from typing import Any

import aiohttp
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from edge_runtime.heads.mqtt.packets import Disconnect, Puback, Publish
from edge_runtime.host_header import is_foreign
from edge_runtime.hub.measurements import SAMPLED
from tests.conformance.device import EVENTS, INPUTS, Clients, Device, send
from tests.edge.manifest import route
from tests.patience import eventually

COMMON = ("iothub", "edge_device", "instance_number")
TELEMETRY = "ms_telemetry"
# Of spec D.6: name, type and labels, less the common ones, of each series.
FAMILIES = {
    "gettwin": ("counter", "source id"),
    "messages_received": ("counter", "id route_output"),
    "messages_sent": ("counter", "from to from_route_output to_route_input priority"),
    "reported_properties": ("counter", "target id"),
    "message_size_bytes": ("summary", "id"),
    "gettwin_duration_seconds": ("summary", "source id"),
    "message_send_duration_seconds": ("summary", "from to from_route_output to_route_input"),
    "message_process_duration_seconds": ("summary", "from to priority"),
    "reported_properties_update_duration_seconds": ("summary", "target id"),
    "direct_method_duration_seconds": ("summary", "from to"),
    "direct_methods": ("counter", "from to"),
    "queue_length": ("gauge", "endpoint priority"),
    "messages_dropped": ("counter", "reason from from_route_output"),
    "messages_unack": ("counter", "reason from from_route_output"),
    "offline_count": ("counter", "id"),
    "offline_duration_seconds": ("summary", "id"),
    "operation_retry": ("counter", "id operation"),
    "client_connect_failed": ("counter", "id reason"),
    "client_connect_success": ("counter", "id"),
    "client_disconnect": ("counter", "id"),
    "connected_clients": ("gauge", ""),
    # The project's own: the counter above rises once, however long a message waits.
    "messages_waiting": ("gauge", ""),
}
ROUTES: dict[str, Any] = {
    "there": {"route": route("camera", "frames", "classifier", "in"), "priority": 3},
    "up": "FROM /messages/modules/camera/outputs/up INTO $upstream",
}


class Scrape:
    """What one GET gave."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families: dict[str, Metric] = {
            family.name.removeprefix("edgehub_"): family for family in text_string_to_metric_families(text)
        }

    def value(self, name: str, **labels: str) -> float:
        """Of the one series that has these labels."""
        wanted = {key.rstrip("_"): value for key, value in labels.items()}
        (value,) = [
            sample.value
            for family in self.families.values()
            for sample in family.samples
            if sample.name == f"edgehub_{name}" and wanted.items() <= sample.labels.items()
        ]
        return value


async def scrape(device: Device, *, path: str = "/metrics", status: int = 200, **headers: str) -> Scrape:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{device.ports.metrics}{path}", headers=headers) as response,
    ):
        assert response.status == status
        text = await response.text()
        if status == 200:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return Scrape(text if status == 200 else "")


async def report(client: Any) -> None:
    client.send(Publish("$iothub/twin/PATCH/properties/reported/?$rid=1", b'{"a": 1}', 1, 9))
    assert await client.expect(Puback) == Puback(9)


async def use_everything(device: Device, clients: Clients) -> None:
    """So that each family has a series."""
    await device.deploy(ROUTES)
    camera, classifier = await clients.connect("camera"), await clients.connect("classifier")
    await classifier.subscribe(INPUTS.format("classifier"), "$iothub/methods/POST/#")
    for number in range(2 * SAMPLED):
        await send(camera, "camera", bytes(100 + number))
        delivered = await classifier.expect(Publish)
        assert delivered.packet_id
        classifier.send(Puback(delivered.packet_id))
    await classifier.ping()
    await send(camera, "camera", bag="%24.on=nowhere")
    await report(camera)
    camera.send(Publish("$iothub/twin/GET/?$rid=1", b" "))
    await camera.ping()
    called = asyncio.create_task(device.control("POST", "/modules/classifier/methods", {"methodName": "go"}))
    request = await classifier.expect(Publish)
    classifier.send(Publish(f"$iothub/methods/res/200/?$rid={request.topic.partition('$rid=')[2]}", b"{}"))
    assert (await called)[0] == 200
    # No client's reading of a twin.
    assert (await device.control("GET", "/modules/camera/twin"))[0] == 200
    await clients.connect("camera", password=b"wrong", code=5)
    classifier.send(Disconnect())
    await classifier.expect_closed()
    await eventually(lambda: len(device.hub.connections) == 1)


async def test_names_types_and_labels_are_those_of_edge_hub(device: Device, clients: Clients) -> None:
    """D.6-1, D.6-2: valid for Prometheus, no family more or less, the common labels first."""
    await use_everything(device, clients)
    device.upstream.failures = sys.maxsize
    await send(await clients.connect("camera"), "camera", bag="%24.on=up")
    await eventually(lambda: device.hub.statistics.measured.offline_count == 1)
    device.upstream.failures = 0
    device.hub.statistics.measured.unacknowledged[next(iter(device.hub.identities)).client, "x"].count += 1
    await eventually(lambda: device.hub.statistics.measured.offline.count == 1)
    found = await scrape(device)
    assert {name: family.type for name, family in found.families.items()} == {
        name: kind for name, (kind, _) in FAMILIES.items()
    }
    for name, (kind, wanted) in FAMILIES.items():
        family = found.families[name]
        assert family.samples, name
        for sample in family.samples:
            labels = {*sample.labels} - {TELEMETRY, "quantile"}
            assert labels == {*COMMON, *wanted.split()}, sample
            assert kind == "summary" or sample.labels[TELEMETRY] == "True"
        if kind == "summary":
            quantiles = {s.labels["quantile"] for s in family.samples if "quantile" in s.labels}
            assert quantiles == {"0.1", "0.5", "0.9", "0.99"}
    first = '{iothub="hub.net",edge_device="edge",instance_number="7"'
    series = [line for line in found.text.splitlines() if not line.startswith("#")]
    assert [line for line in series if first not in line] == []


async def test_what_is_counted(device: Device, clients: Clients) -> None:
    """D.6-2, D.6-4: ids are device/module, the cloud is upstream."""
    await use_everything(device, clients)
    found = await scrape(device)
    camera, classifier, count = {"id": "edge/camera"}, {"id": "edge/classifier"}, 2 * SAMPLED
    way = {"from_": "edge/camera", "to": "edge/classifier"}
    full = {**way, "from_route_output": "frames", "to_route_input": "in"}
    assert found.value("messages_received_total", route_output="frames", **camera) == count
    assert found.value("messages_sent_total", priority="3", **full) == count
    assert found.value("message_send_duration_seconds_count", **full) == 2
    assert 0 < found.value("message_send_duration_seconds", quantile="0.5", **full) < 600
    assert found.value("message_process_duration_seconds_count", priority="3", **way) == 2
    dropped = {"reason": "no_route", "from_": "edge/camera", "from_route_output": "nowhere"}
    assert found.value("messages_dropped_total", **dropped) == 1
    # Of all outputs together; 34 messages of 100 to 133 bytes and one of a byte.
    assert found.value("message_size_bytes_count", **camera) == count + 1
    assert found.value("message_size_bytes_sum", **camera) == sum(range(100, 134)) + 1
    assert found.value("message_size_bytes", quantile="0.9", **camera) == 117
    assert found.value("gettwin_total", source="edge_hub", **camera) == 1
    assert found.value("reported_properties_total", target="edge_hub", **camera) == 1
    assert found.value("reported_properties_update_duration_seconds_count", **camera) == 1
    assert found.value("direct_methods_total", from_="upstream", to="edge/classifier") == 1
    assert found.value("client_connect_success_total", **camera) == 1
    assert found.value("client_connect_failed_total", reason="not_authenticated", **camera) == 1
    assert found.value("client_disconnect_total", **classifier) == 1
    assert found.value("connected_clients") == 1
    assert found.value("messages_waiting") == 0


async def test_queues_and_the_way_up(device: Device, clients: Clients) -> None:
    """D.6-2, D.6-4: by endpoint and priority; an outage is counted once, each try in it on its own."""
    await device.deploy(ROUTES)
    camera = await clients.connect("camera")
    for _ in range(3):
        await send(camera, "camera")
    assert (await scrape(device)).value("queue_length", endpoint="edge/classifier/in", priority="3") == 3
    device.upstream.failures = sys.maxsize
    await send(camera, "camera", bag="%24.on=up")
    own = {"id": "edge/$edgeHub"}
    measured = device.hub.statistics.measured
    await eventually(lambda: measured.retries["upstream"].count >= 2)
    down = await scrape(device)
    assert down.value("offline_count_total", **own) == 1
    assert down.value("operation_retry_total", operation="upstream", **own) >= 2
    assert down.value("offline_duration_seconds_count", **own) == 0
    assert math.isnan(down.value("offline_duration_seconds", quantile="0.5", **own))
    device.upstream.failures = 0
    await eventually(lambda: measured.offline.count == 1)
    up = await scrape(device)
    assert up.value("offline_count_total", **own) == 1
    assert up.value("offline_duration_seconds", quantile="0.5", **own) > 0
    sent = {"from_": "edge/camera", "to": "upstream", "from_route_output": "up", "to_route_input": ""}
    assert up.value("messages_sent_total", priority="2000000000", **sent) == 1


async def test_names_that_clients_choose_neither_break_the_text_nor_fill_the_memory(
    device: Device, clients: Clients
) -> None:
    """D.6-1: quotes, backslashes and line ends are escaped; too many names share one series."""
    await device.deploy({})
    camera = await clients.connect("camera")
    await send(camera, "camera", bag="%24.on=a%22b%5C%0Ac%0D")
    assert (await scrape(device)).value("messages_received_total", route_output='a"b\\\nc ') == 1
    numbers = range(1, 1200)
    for start in range(1, 1200, 50):
        some = numbers[start - 1 : start + 49]
        camera.send(*(Publish(EVENTS.format("camera", f"%24.on=o{n}"), b"", 1, n) for n in some))
        assert [await camera.expect(Puback) for _ in some] == [Puback(n) for n in some]
    found = await scrape(device)
    assert len(found.families["messages_received"].samples) == 1001
    assert found.value("messages_received_total", id="other", route_output="other") == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9600", 200),
        ("edgeHub:9600", 200),
        ("127.0.0.1", 200),
        ("[::1]:9600", 200),
        ("gateway.local:9600", 200),
        ("rebound.example:9600", 403),
        ("127.0.0.1.rebound.example", 403),
        ("[::1", 403),
    ],
)
async def test_a_page_of_the_internet_cannot_have_them_read(device: Device, host: str, status: int) -> None:
    """D.6-5: they need no token, so a name that was made to lead here is refused."""
    await scrape(device, Host=host, status=status)
    assert is_foreign(host, "gateway.local") is (status == 403)


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics/x"])
async def test_nothing_else_is_there(device: Device, path: str) -> None:
    """D.6-5"""
    await scrape(device, path=path, status=404)
