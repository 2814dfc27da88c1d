"""The hub: joins identities, sessions, twins, routes, queues and deliveries. Implements `ports.Hub`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from edge_runtime.hub.admission import DEFAULT_LIMIT_BYTES, Admission
from edge_runtime.hub.authentication import Authentication
from edge_runtime.hub.client_report import ClientReport
from edge_runtime.hub.connections import Connections
from edge_runtime.hub.device_store import DeviceStore
from edge_runtime.hub.devicebound import DeviceboundRelay, DeviceboundSource
from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.facts import Facts, all_about
from edge_runtime.hub.feed import Feed
from edge_runtime.hub.message import ClientId, Message, Properties
from edge_runtime.hub.message_feed import MessageFeed
from edge_runtime.hub.methods import MethodResult, Methods
from edge_runtime.hub.module_delivery import ModuleDelivery
from edge_runtime.hub.ports import Feature, InvalidTwinError, JsonObject, Link
from edge_runtime.hub.queue_store import Stored, priority_rank
from edge_runtime.hub.router import (
    DEFAULT_CONFIGURATION,
    Copy,
    InvalidRoutesError,
    Router,
    short_name,
)
from edge_runtime.hub.settings import DEFAULTS, HubSettings
from edge_runtime.hub.stamps import stamps
from edge_runtime.hub.statistics import Statistics
from edge_runtime.hub.twin_changes import TwinChanges, told_of
from edge_runtime.hub.upstream_delivery import Upstream, UpstreamDelivery
from edge_runtime.hub.upstream_switch import SwitchedSource, SwitchedUpstream, UpstreamSwitch

logger = logging.getLogger(__name__)

UPSTREAM_ENDPOINT = "iothub"
_CLEANUP_INTERVAL_IF_FULL_S = 30.0


class EdgeHub:
    """One device's hub. Everything runs on one event loop; only the disk has threads of its own.

    Args:
        device_id: the edge device.
        iothub_hostname: the IoT Hub's name, the audience of tokens.
        gateway_hostname: the name that clients connect to.
        database: the store's file.
        upstream: the way to the cloud.
        devicebound: where cloud-to-device messages come from.
        failed: called when the store cannot be written or read any more; the process must end.
        store_limit_bytes: what the store may take on disk when `$edgeHub` says nothing else.
    """

    def __init__(
        self,
        *,
        device_id: str,
        iothub_hostname: str,
        gateway_hostname: str,
        database: Path,
        upstream: Upstream,
        failed: Callable[[Exception], None],
        store_limit_bytes: int = DEFAULT_LIMIT_BYTES,
        devicebound: DeviceboundSource | None = None,
        settings: HubSettings = DEFAULTS,
    ) -> None:
        self.device_id = device_id
        self.iothub_hostname = iothub_hostname
        self.gateway_hostname = gateway_hostname
        self.feed = Feed()
        self._messages = MessageFeed(self.feed)
        self.statistics = Statistics(self._messages)
        self.methods = Methods()
        self._settings = settings
        self._switch = UpstreamSwitch()
        self.devicebound = DeviceboundRelay(devicebound and SwitchedSource(devicebound, self._switch))
        self._disk = DeviceStore(database, device_id, failed)
        self._failed = self._disk.failed
        self.salvaged = self._disk.salvaged
        if self.salvaged is not None:
            self.statistics.lost("corrupt_store", self.salvaged.unreadable)
        self.commits, self.store = self._disk.commits, self._disk.queues
        self.facts = Facts(self._disk.meta, self.commits)
        self.identities, self.sessions, self.twins = (
            self._disk.identities,
            self._disk.sessions,
            self._disk.twins,
        )
        hosts = (iothub_hostname, gateway_hostname)
        self._authentication = Authentication(device_id, self.identities, self.facts, hosts)
        self._clients = ClientReport(device_id, self._report_own, settings.reported_properties_sync_s)
        self.connections = Connections(self.methods, self.feed, self._clients)
        self._store_limit_bytes = store_limit_bytes
        self.admission = Admission(self.store, self.commits, store_limit_bytes, self._queued)
        self.upstream = UpstreamDelivery(
            self._new_queues(UPSTREAM_ENDPOINT),
            self.store,
            SwitchedUpstream(upstream, self._switch),
            partial(self._delivered, UPSTREAM_ENDPOINT),
            self._rejected,
            self.statistics.measured,
        )
        self.deliveries: dict[str, ModuleDelivery] = {}
        self.changes = TwinChanges(device_id, self._route)
        self.set_router(self._stored_router())

    async def recover(self) -> None:
        """Take up what an earlier run left in the store."""
        with self._disk.reading():
            for endpoint in self.store.endpoints:
                await self._queues(endpoint).recover()
        self.upstream.pump()

    async def run(self) -> None:
        """Background work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.upstream.run(), name="upstream")
            tasks.create_task(self._clean_up(), name="clean-up")
            tasks.create_task(self._clients.run(), name="clients")
            tasks.create_task(self._count(), name="count")
            tasks.create_task(self.admission.run(self._report_own), name="store status")
            if self.salvaged is not None:
                await self._report_own({"store": {"salvaged": self.salvaged.document()}})

    async def _count(self) -> None:
        for delivery in self.endpoints:
            await delivery.queues.count()

    async def _clean_up(self) -> None:
        cleaned = time.monotonic()
        while True:
            await asyncio.sleep(_CLEANUP_INTERVAL_IF_FULL_S)
            waited_s = time.monotonic() - cleaned
            if not self.admission.waiting and waited_s < self._settings.message_cleanup_interval_s:
                continue
            cleaned = time.monotonic()
            for delivery in self.endpoints:
                await delivery.queues.discard_expired()

    def close(self) -> None:
        """End every connection, then write down what is still under way."""
        self.devicebound.close()
        self.connections.close_all("hub stops")
        for delivery in self.deliveries.values():
            delivery.detach()  # which writes down what has been confirmed
        for endpoint in self.endpoints:
            endpoint.queues.close()
        self._disk.close()

    @property
    def endpoints(self) -> list[UpstreamDelivery | ModuleDelivery]:
        return [self.upstream, *self.deliveries.values()]

    def _stored_router(self) -> Router:
        desired = self.twins.desired(ClientId(self.device_id, "$edgeHub"))
        try:
            return Router(desired or DEFAULT_CONFIGURATION, device_id=self.device_id)
        except InvalidRoutesError as error:
            # What is in the error says where it is; a traceback would not.
            message = "The stored routes cannot be used, everything goes upstream until new ones come: %s"
            logger.error(message, error)  # noqa: TRY400
            return Router(DEFAULT_CONFIGURATION, device_id=self.device_id)

    def set_router(self, router: Router) -> None:
        """New routes; messages that are stored keep the endpoint, priority and expiry they have."""
        kept = {route.endpoint.id for route in router.routes} | {UPSTREAM_ENDPOINT}
        for name, delivery in self.deliveries.items():
            waiting = sum(delivery.queues.lengths.values())
            if name not in kept and waiting:
                logger.warning(
                    "No route leads to %s any more; its %d messages are kept until they expire", name, waiting
                )
        self.router = router
        self.admission.limit_bytes = router.store_limit_bytes or self._store_limit_bytes

    async def _report_own(self, state: JsonObject) -> None:
        try:
            await self.report(ClientId(self.device_id, "$edgeHub"), state)
        except InvalidTwinError as error:  # many clients with long names: the section has its limit
            logger.warning("$edgeHub cannot report %s: %s", ", ".join(state), error)

    async def forget(self, client: ClientId) -> None:
        """It exists no longer: end its connection, and delete all but the messages for it.

        On disk the identity goes last, so that a crash in between leaves something to forget again; in memory it
        goes first, for the client connects again at once.
        """
        self.identities.withdraw(client)
        self.connections.close(client, "the identity was deleted")
        await self.facts.delete(*all_about(client))
        await self.sessions.save(client, None)
        await self.twins.delete(client)
        await self.identities.delete(client)

    @property
    def upstream_switched_off(self) -> bool:
        return not self._switch.on

    def switch_upstream(self, *, on: bool) -> None:
        """While it is off the cloud is out of reach; what waits goes on at once when it is on again."""
        self._switch.turn(on=on)
        if on:
            self.upstream.retry()
            self.devicebound.retry()

    # Clients ---------------------------------------------------------------------------------

    def authenticate(self, client: ClientId, token: str) -> float:
        return self._authentication.token(client, token)

    def authenticate_certificate(self, client: ClientId, certificate: bytes) -> float:
        return self._authentication.certificate(client, certificate)

    def load_session(self, client: ClientId) -> dict[str, int] | None:
        return self.sessions.load(client)

    async def save_session(self, client: ClientId, subscriptions: dict[str, int] | None) -> None:
        await self.sessions.save(client, subscriptions)

    def attach(self, client: ClientId, link: Link, features: frozenset[Feature]) -> None:
        self.statistics.measured.connected[str(client)].count += 1
        self.connections.attach(client, link)
        self.set_features(client, link, features)

    def set_features(self, client: ClientId, link: Link, features: frozenset[Feature]) -> None:
        if not self.connections.set_features(client, link, features):
            return
        self.devicebound.listen(client, link if Feature.DEVICEBOUND in features else None)
        for delivery in self._deliveries_to(client):
            if Feature.INPUTS in features:
                delivery.attach(link)
            else:
                delivery.detach()

    def detach(self, client: ClientId, link: Link) -> None:
        self.admission.abandon(link)
        self.statistics.measured.disconnected[str(client)].count += 1
        if self.connections.detach(client, link):
            self.devicebound.listen(client, None)
            for delivery in self._deliveries_to(client):
                delivery.detach()

    def resume(self, client: ClientId) -> None:
        for delivery in self._deliveries_to(client):
            delivery.pump()

    def twin(self, client: ClientId) -> JsonObject:
        with self.statistics.measured.twin_reads[str(client)].timed():
            return self.twins.read(client)

    async def report(self, client: ClientId, patch: JsonObject) -> int:
        with self.statistics.measured.reports[str(client)].timed():
            changes = self.changes if self.router.takes_twin_changes and told_of(client) else None
            if changes is not None:
                changes.check()
            durable = self.twins.report(client, patch)
            # Right behind it, so that one commit takes both.
            told = None if changes is None else changes.tell(client, patch)
            version = await durable
            if told is not None:
                await told
        self.feed.publish("reported", device=client.device, module=client.module, patch=patch)
        return version

    async def patch_desired(self, client: ClientId, patch: JsonObject) -> int:
        """A desired patch from the service's side; pushed to the module when it listens."""
        version = await self.twins.patch_desired(client, patch)
        self.push_desired(client, patch, version)
        return version

    def push_desired(self, client: ClientId, patch: JsonObject, version: int) -> None:
        link = self.connections.with_feature(client, Feature.DESIRED)
        if link is not None:
            link.patch_desired({**patch, "$version": version}, version)

    async def invoke(self, client: ClientId, method: str, payload: bytes, **timeouts: float) -> MethodResult:
        return await self.methods.invoke(client, method, payload, **timeouts)

    def method_answered(self, client: ClientId, request_id: str, status: int, payload: bytes) -> None:
        self.methods.answered(client, request_id, status, payload)

    def drop(self, client: ClientId | None, reason: str, detail: str) -> None:
        known = client is not None and self.identities.get(client) is not None
        self.statistics.refused(client, reason, detail, known=known)

    # Messages --------------------------------------------------------------------------------

    def publish(
        self,
        client: ClientId,
        output: str | None,
        app: Properties,
        sys: Properties,
        body: bytes,
        stored: Callable[[], None],
    ) -> None:
        system: dict[str, str | None] = {**sys, "connectionDeviceId": client.device}
        if client.module is not None:
            system["connectionModuleId"] = client.module
        if (models := self.connections.models) and client in models:
            system["modelId"] = models[client]
        if self.router.asks_for_stamps:
            system |= stamps(client, self.device_id)
        self._route(Message(client, output, app, system, body), stored, lambda: self.connections.link(client))

    def _route(self, message: Message, stored: Callable[[], None], owner: Callable[[], Link | None]) -> None:
        self.statistics.measured.message_received(message)
        copies = self.router.copies(message)
        if not copies or not self.admission.can_hold(message, len(copies)):
            self.statistics.message_dropped("too_large" if copies else "no_route", message)
            stored()
            return

        def committed(rows: Sequence[Stored]) -> None:
            stored()
            self._committed(message, copies, rows)

        targets = [(c.endpoint, c.priority, c.expires) for c in copies]
        if not self.admission.append(targets, message, committed, owner):
            self.statistics.measured.unacknowledged[message.sender, message.output].count += 1

    def _committed(self, message: Message, copies: Sequence[Copy], rows: Sequence[Stored]) -> None:
        self.statistics.stored += 1
        self._messages.stored(message, copies, rows)
        for copy, row in zip(copies, rows, strict=True):
            for route in copy.routes:
                self.statistics.matched[route] += 1
            self.statistics.measured.message_stored(row)
            self._queues(copy.endpoint).committed(row, priority_rank(copy.priority))

    def _queues(self, endpoint: str) -> EndpointQueues:
        if endpoint == UPSTREAM_ENDPOINT:
            return self.upstream.queues
        delivery = self.deliveries.get(endpoint)
        if delivery is None:
            delivery = self._new_delivery(endpoint)
        return delivery.queues

    def _queued(self, endpoint: str) -> int:
        delivery = self.upstream if endpoint == UPSTREAM_ENDPOINT else self.deliveries.get(endpoint)
        return 0 if delivery is None else sum(delivery.queues.lengths.values()) + delivery.unconfirmed

    def _new_delivery(self, endpoint: str) -> ModuleDelivery:
        device, module, input_name = endpoint.split("/", 2)
        delivery = ModuleDelivery(
            input_name,
            self._new_queues(endpoint),
            self._disk.confirmations,
            partial(self._delivered, short_name(endpoint)),
            self._settings.message_ack_timeout_s,
        )
        self.deliveries[endpoint] = delivery
        client = ClientId(device, module)
        identity = self.identities.get(client)
        link = self.connections.with_feature(identity.client if identity else client, Feature.INPUTS)
        if link is not None:
            delivery.attach(link)
        return delivery

    def _new_queues(self, endpoint: str) -> EndpointQueues:
        expired = partial(self._dropped, "ttl_expiry", short_name(endpoint))
        return EndpointQueues(endpoint, self.store, expired, self._failed)

    def _deliveries_to(self, client: ClientId) -> list[ModuleDelivery]:
        if client.module is None:
            return []
        prefix = f"{client}/".casefold()
        return [d for name, d in self.deliveries.items() if name.casefold().startswith(prefix)]

    def _delivered(self, endpoint: str, stored: Stored, redelivery: bool, sent_at: float) -> None:
        self.statistics.delivered[endpoint] += 1
        self.statistics.measured.message_sent(endpoint, stored, sent_at)
        self._messages.delivered(endpoint, stored, redelivery)

    def _rejected(self, stored: Stored, reason: str) -> None:
        logger.error("The cloud refused a message of %s for good: %s", stored.message.sender, reason)
        self._dropped("rejected_upstream", UPSTREAM_ENDPOINT, stored)

    def _dropped(self, reason: str, endpoint: str, stored: Stored) -> None:
        self.statistics.message_dropped(reason, stored.message, endpoint=endpoint, sequence=stored.sequence)
