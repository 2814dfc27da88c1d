"""edgeHub's built-in metrics, `GET /metrics` in Prometheus' text format, under edgeHub's names (spec D.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from aiohttp import web

from edge_runtime.exposition import CONTENT_TYPE, Distribution, Family, quantiles, render
from edge_runtime.host_header import is_foreign
from edge_runtime.hub.edge_hub import UPSTREAM_ENDPOINT, EdgeHub
from edge_runtime.hub.measurements import SAMPLED
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.queue_store import rank_priority
from edge_runtime.hub.series import Series

# On what IoT Edge's own telemetry would send to its makers. edgeHub has it on all but its timers.
_TELEMETRY = {"ms_telemetry": "True"}
_HERE = "edge_hub"
_SAMPLES = f"one message in {SAMPLED} is timed"
Labels = Mapping[str, str]
Labelled = Sequence[tuple[Labels, Series]]


class MetricsApi:
    """`instance` tells one start of the hub from the next."""

    def __init__(self, hub: EdgeHub, instance: str) -> None:
        self._hub = hub
        self._instance = instance

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/metrics", self._metrics)]

    async def _metrics(self, request: web.Request) -> web.Response:
        if is_foreign(request.headers.get("Host", ""), self._hub.gateway_hostname):
            raise web.HTTPForbidden(reason="Host: an address, or a name without a dot, is needed")
        return web.Response(body=self.text().encode(), headers={"Content-Type": CONTENT_TYPE})

    def text(self) -> str:
        """All families; one that has no series yet is there by its name."""
        common = {
            "iothub": self._hub.iothub_hostname,
            "edge_device": self._hub.device_id,
            "instance_number": self._instance,
        }
        return render(
            [*self._twins_and_methods(), *self._clients(), *self._messages(), *self._queues()], common
        )

    def _twins_and_methods(self) -> Iterator[Family]:
        measured = self._hub.statistics.measured
        reads = [({"source": _HERE, "id": who}, series) for who, series in measured.twin_reads.items()]
        yield _count("gettwin_total", "Twins that clients have read", reads)
        yield _timer("gettwin_duration_seconds", "Time to read a twin", reads)
        reports = [({"target": _HERE, "id": who}, series) for who, series in measured.reports.items()]
        yield _count("reported_properties_total", "Patches of reported properties", reports)
        yield _timer("reported_properties_update_duration_seconds", "Time until a patch is durable", reports)
        calls = [({"from": caller, "to": to}, series) for (caller, to), series in measured.methods.items()]
        yield _count("direct_methods_total", "Calls of direct methods that were answered", calls)
        yield _timer("direct_method_duration_seconds", "Time until a direct method was answered", calls)

    def _clients(self) -> Iterator[Family]:
        measured = self._hub.statistics.measured
        connected = [({"id": who}, series) for who, series in measured.connected.items()]
        yield _count("client_connect_success_total", "Connections", connected)
        refused = [
            ({"id": who, "reason": reason}, series) for (who, reason), series in measured.refused.items()
        ]
        yield _count("client_connect_failed_total", "Connections that were refused", refused)
        ended = [({"id": who}, series) for who, series in measured.disconnected.items()]
        yield _count("client_disconnect_total", "Connections that have ended", ended)
        yield _gauge(
            "connected_clients", "Clients that are connected now", [({}, len(self._hub.connections))]
        )

    def _messages(self) -> Iterator[Family]:
        measured = self._hub.statistics.measured
        received = [
            ({"id": str(sender), "route_output": output or ""}, series)
            for (sender, output), series in measured.received.items()
        ]
        yield _count("messages_received_total", "Messages that clients have sent", received)
        yield self._sizes()
        sent = [
            ({**self._way(sender, output, endpoint), "priority": _priority(rank)}, series)
            for (sender, output, endpoint, rank), series in measured.sent.items()
        ]
        yield _count("messages_sent_total", "Messages that an input or the cloud has confirmed", sent)
        sending = [(self._way(*key), series) for key, series in measured.sending.items()]
        yield _timer(
            "message_send_duration_seconds", f"Time from sending to confirmation; {_SAMPLES}", sending
        )
        processed = [
            ({"from": str(sender), "to": self._to(endpoint), "priority": _priority(rank)}, series)
            for (sender, endpoint, rank), series in measured.processed.items()
        ]
        name = "message_process_duration_seconds"
        yield _summary(name, f"Time from storing to confirmation; {_SAMPLES}", processed)
        dropped = [
            ({"reason": reason, "from": sender, "from_route_output": output}, series)
            for (reason, sender, output), series in measured.dropped.items()
        ]
        yield _count("messages_dropped_total", "Messages, or copies of them, that nobody gets", dropped)
        waiting = [
            ({"reason": "storage_failure", "from": str(sender), "from_route_output": output or ""}, series)
            for (sender, output), series in measured.unacknowledged.items()
        ]
        yield _count("messages_unack_total", "Messages that had to wait for room in the store", waiting)

    def _queues(self) -> Iterator[Family]:
        measured, own = self._hub.statistics.measured, f"{self._hub.device_id}/$edgeHub"
        lengths = [
            ({"endpoint": delivery.queues.name, "priority": _priority(rank)}, length)
            for delivery in self._hub.endpoints
            for rank, length in delivery.queues.lengths.items()
        ]
        yield _gauge("queue_length", "Messages that wait to be sent", lengths)
        now: list[tuple[Labels, int]] = [({}, self._hub.admission.waiting)]
        yield _gauge("messages_waiting", "Messages that wait for room in the store, not acknowledged", now)
        times = [({"id": own, **_TELEMETRY}, measured.offline_count)]
        yield Family(
            "edgehub_offline_count_total", "counter", "Times that the cloud went out of reach", times
        )
        offline = [({"id": own}, measured.offline)]
        yield _summary("offline_duration_seconds", "How long the cloud was out of reach", offline)
        retries = [
            ({"id": own, "operation": operation}, series) for operation, series in measured.retries.items()
        ]
        yield _count("operation_retry_total", "Operations that failed and were tried again", retries)

    def _sizes(self) -> Family:
        """By client alone: its outputs' series become one."""
        by_client: dict[str, list[Series]] = {}
        for (sender, _), series in self._hub.statistics.measured.received.items():
            by_client.setdefault(str(sender), []).append(series)
        values = [({"id": who, **_TELEMETRY}, _distribution(several)) for who, several in by_client.items()]
        help_text = f"Bytes of messages' bodies; quantiles are of one message in {SAMPLED}"
        return Family("edgehub_message_size_bytes", "summary", help_text, values)

    def _way(self, sender: ClientId, output: str | None, endpoint: str) -> Labels:
        input_name = endpoint.partition("/")[2]
        return {
            "from": str(sender),
            "to": self._to(endpoint),
            "from_route_output": output or "",
            "to_route_input": input_name,
        }

    def _to(self, endpoint: str) -> str:
        """Of `module/input` or the cloud."""
        if endpoint == UPSTREAM_ENDPOINT:
            return "upstream"
        module, slash, _ = endpoint.partition("/")
        return f"{self._hub.device_id}/{module}" if slash else endpoint


def _count(name: str, help_text: str, series: Labelled) -> Family:
    values = [({**labels, **_TELEMETRY}, one.count) for labels, one in series]
    return Family(f"edgehub_{name}", "counter", help_text, values)


def _gauge(name: str, help_text: str, values: Iterable[tuple[Labels, int]]) -> Family:
    series = [({**labels, **_TELEMETRY}, value) for labels, value in values]
    return Family(f"edgehub_{name}", "gauge", help_text, series)


def _timer(name: str, help_text: str, series: Labelled) -> Family:
    values = [(labels, _distribution([one])) for labels, one in series]
    return Family(f"edgehub_{name}", "summary", help_text, values)


def _summary(name: str, help_text: str, series: Labelled) -> Family:
    return _timer(name, help_text, [({**labels, **_TELEMETRY}, one) for labels, one in series])


def _distribution(several: Sequence[Series]) -> Distribution:
    recent = [value for series in several for value in series.recent()]
    return Distribution(
        sum(series.count for series in several), sum(series.total for series in several), quantiles(recent)
    )


def _priority(rank: int) -> str:
    return str(rank_priority(rank))
