from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from edge_runtime.hub import module_delivery
from edge_runtime.hub.confirmations import Confirmations
from edge_runtime.hub.endpoint import EndpointQueues
from edge_runtime.hub.module_delivery import WINDOW, ModuleDelivery
from edge_runtime.hub.queue_store import QueueStore, Stored
from tests.hub.links import RecordingLink
from tests.hub.messages import ENDPOINT, append, number
from tests.patience import PATIENCE_S

Delivered = list[tuple[int, bool]]


@pytest.fixture
def delivered() -> Delivered:
    return []


@pytest.fixture
def failures() -> Iterator[list[Exception]]:
    failures: list[Exception] = []
    yield failures
    assert failures == []


@pytest.fixture
def delivery(
    store: QueueStore, confirmations: Confirmations, delivered: Delivered, failures: list[Exception]
) -> ModuleDelivery:
    queues = EndpointQueues(ENDPOINT, store, lambda _: None, failures.append)

    def note(stored: Stored, redelivery: bool, sent_at: float) -> None:
        delivered.append((number(stored), redelivery))

    return ModuleDelivery("frames", queues, confirmations, note)


async def put(delivery: ModuleDelivery, store: QueueStore, *numbers: int) -> None:
    for n in numbers:
        delivery.queues.committed(await append(store, n), 0)
    delivery.pump()


async def test_without_a_link_messages_wait(delivery: ModuleDelivery, store: QueueStore) -> None:
    await put(delivery, store, 1, 2)
    assert delivery.queues.lengths == {0: 2}
    link = RecordingLink()
    delivery.attach(link)
    assert link.sent == [("frames", 1, False), ("frames", 2, False)]


async def test_at_most_the_window_is_unconfirmed(delivery: ModuleDelivery, store: QueueStore) -> None:
    link = RecordingLink()
    delivery.attach(link)
    await put(delivery, store, *range(WINDOW + 5))
    assert link.numbers == list(range(WINDOW))
    link.confirmations[0]()
    assert link.numbers == list(range(WINDOW)), "it is not written down yet that it was confirmed"
    await asyncio.sleep(0)
    assert link.numbers == list(range(WINDOW + 1))


async def test_a_confirmed_message_leaves_the_disk(
    delivery: ModuleDelivery, store: QueueStore, delivered: Delivered
) -> None:
    link = RecordingLink()
    delivery.attach(link)
    await put(delivery, store, 7)
    assert await store.occupied(ENDPOINT) == [0]
    link.confirmations[0]()
    await append(store, 8, endpoint="elsewhere")  # the delete rides on this commit
    async with asyncio.timeout(PATIENCE_S):
        while await store.occupied(ENDPOINT):
            await asyncio.sleep(0.02)
    assert delivered == [(7, False)]


async def test_a_lost_link_replays_the_unconfirmed_in_order_before_anything_new(
    delivery: ModuleDelivery, store: QueueStore, delivered: Delivered
) -> None:
    first = RecordingLink()
    delivery.attach(first)
    await put(delivery, store, *range(5))
    first.confirmations[1]()  # out of order: 0 is still unconfirmed
    delivery.detach()
    await put(delivery, store, 5)
    second = RecordingLink()
    delivery.attach(second)
    assert second.sent == [("frames", n, n < 5) for n in (0, 2, 3, 4, 5)]
    first.confirmations[0]()  # a confirmation of the old connection counts no more
    for confirm in second.confirmations:
        confirm()
    assert delivered == [(1, False), (0, True), (2, True), (3, True), (4, True), (5, False)]
    assert delivery.unconfirmed == 0


async def test_a_second_loss_during_the_replay_keeps_the_order(
    delivery: ModuleDelivery, store: QueueStore
) -> None:
    delivery.attach(RecordingLink())
    await put(delivery, store, *range(4))
    delivery.detach()
    slow = RecordingLink()
    slow.writable = False
    delivery.attach(slow)
    assert slow.sent == []
    delivery.detach()
    last = RecordingLink()
    delivery.attach(last)
    assert last.numbers == [0, 1, 2, 3]


async def test_a_full_transport_stops_the_pump_and_resume_goes_on(
    delivery: ModuleDelivery, store: QueueStore
) -> None:
    link = RecordingLink()
    link.writable = False
    delivery.attach(link)
    await put(delivery, store, 1)
    assert link.sent == []
    link.writable = True
    delivery.pump()
    assert link.numbers == [1]


async def test_no_confirmation_in_time_sends_again(
    delivery: ModuleDelivery, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_delivery, "ACK_TIMEOUT_S", 0.1)
    link = RecordingLink()
    delivery.attach(link)
    await put(delivery, store, 1, 2)
    async with asyncio.timeout(PATIENCE_S):
        while len(link.sent) < 4:
            await asyncio.sleep(0.01)
    assert link.sent[:4] == [
        ("frames", 1, False),
        ("frames", 2, False),
        ("frames", 1, True),
        ("frames", 2, True),
    ]
    delivery.detach()


async def test_the_time_runs_for_each_message_from_its_own_sending(
    delivery: ModuleDelivery, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_delivery, "ACK_TIMEOUT_S", 2.0)
    link = RecordingLink()
    delivery.attach(link)
    await put(delivery, store, 1)
    link.confirmations[0]()
    await asyncio.sleep(1.5)
    await put(delivery, store, 2)  # sent long after the last confirmation
    await asyncio.sleep(1.0)
    assert link.numbers == [1, 2]
    delivery.detach()


async def test_confirmations_of_younger_messages_do_not_excuse_the_oldest(
    delivery: ModuleDelivery, store: QueueStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_delivery, "ACK_TIMEOUT_S", 0.3)
    link = RecordingLink()
    delivery.attach(link)
    await put(delivery, store, 0)
    for n in range(1, 8):
        await put(delivery, store, n)
        link.confirmations[-1]()
        await asyncio.sleep(0.06)
    async with asyncio.timeout(PATIENCE_S):
        while ("frames", 0, True) not in link.sent:
            await asyncio.sleep(0.01)
    delivery.detach()
