"""The plan as a worker flies it: versions stay open for as long as a flight, or a request of it, uses them.

All of this happens on the worker's event loop, so nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self

from image_classifier.bundle import Bundle
from serving.errors import UnknownModelError
from serving.flighting import metrics
from serving.flighting.shares import BUCKETS, Shares
from serving.flighting.state import Decided, FoundBundle
from serving.flighting.tally import Tally
from serving.scoring import Call, ModelVersion


class OpenableVersion(ModelVersion, Protocol):
    """A version with a life: entered before its first picture, left after its last."""

    @property
    def ready(self) -> bool: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Versions:
    """The open versions of a worker, each once however many variants and flights use it.

    Args:
        make: the version of a bundle, not yet entered.
    """

    def __init__(self, make: Callable[[FoundBundle], Awaitable[OpenableVersion]]) -> None:
        self._make = make
        self._uses: dict[FoundBundle, tuple[OpenableVersion, int]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def take(self, bundle: FoundBundle) -> OpenableVersion:
        """The version of a bundle, one use more. One caller at a time. Raises whatever making it raises."""
        if bundle in self._uses:
            version, uses = self._uses[bundle]
        else:
            version, uses = await (await self._make(bundle)).__aenter__(), 0
        self._uses[bundle] = version, uses + 1
        return version

    def give_back(self, bundle: FoundBundle) -> None:
        """One use less; after the last one the version is left."""
        version, uses = self._uses.pop(bundle)
        if uses > 1:
            self._uses[bundle] = version, uses - 1
            return
        closing = asyncio.create_task(version.__aexit__(None, None, None), name="close a version")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def closed(self) -> None:
        """Wait for the versions that are being left."""
        await asyncio.gather(*self._closing)


class Flight:
    """One decision of the conductor with its versions open.

    A candidate that was taken back, or could not be opened, keeps its buckets, which the primary answers: so no
    other key moves.
    """

    def __init__(self, decided: Decided, versions: Versions, tallies: Mapping[str, Tally]) -> None:
        self.decided = decided
        self.plan = decided.plan
        self.revision = decided.revision
        self.bundles = decided.bundles
        self.rolled_back = frozenset(decided.rolled_back)
        self.tallies = dict.fromkeys((v.name for v in self.plan.variants), Tally()) | dict(tallies)
        self.versions: dict[str, OpenableVersion] = {}
        self.missing: dict[str, Exception] = {}
        """By candidate, why it is not open."""
        self._shares = Shares(self.plan)
        self._pool = versions
        self._holders = 1

    @classmethod
    async def open(
        cls, decided: Decided, versions: Versions, tallies: Mapping[str, Tally], *, whole: bool = True
    ) -> Self:
        """Open what the decision needs, all of it or nothing; unless `whole`, the primary and what can be opened.

        tallies: numbers to go on with, of an earlier flight of the same revision.

        Raises:
            Exception: whatever opening a bundle raises.
        """
        flight = cls(decided, versions, tallies)
        primary = flight.plan.primary
        try:
            # The primary first, then by share: `bundles` tells them in this order.
            for variant in sorted(flight.plan.variants, key=lambda v: (v.name != primary, -v.percent)):
                if variant.name in flight.rolled_back:
                    continue
                try:
                    flight.versions[variant.name] = await versions.take(flight.bundles[variant.name])
                except Exception as error:
                    if whole or variant.name == primary:
                        raise
                    flight.missing[variant.name] = error
        except BaseException:
            flight.let_go()
            raise
        return flight

    def variant_for(self, call: Call, draw: Callable[[int], int]) -> str:
        """Who answers a call: of the versions that it insists on the one that its key falls to, else the first.

        A call insists by model and version in the URL, and by the override header, which names a variant or a
        version. `draw(BUCKETS)` gives the bucket of a call without a key.

        Raises:
            UnknownModelError: none of the open versions is what it insists on.
        """
        if not call.by_share:
            return self.first_for(call)
        key = call.sticky_key
        name = self._shares.of_key(key) if key else self._shares.of_bucket(draw(BUCKETS))
        if name not in self.versions:
            name = self.plan.primary
        if not _insists(call):
            return name
        return name if self._fits(call, name) else self.first_for(call)

    def first_for(self, call: Call) -> str:
        """The first variant, the primary before the others, that is what a call insists on.

        Raises:
            UnknownModelError: none of the open versions is.
        """
        for name in self.versions:
            if self._fits(call, name):
                return name
        raise UnknownModelError(_asked(call), ", ".join(map(self._shown, self.versions)))

    def rescues(self, call: Call, variant: str) -> bool:
        """Whether the primary may answer a call that a variant was chosen for: it is what the call insists on too."""
        return variant != self.plan.primary and self._fits(call, self.plan.primary)

    def share_percent(self, name: str) -> float:
        """Share of the calls that insist on nothing which a variant answers now."""
        if name not in self.versions:
            return 0.0
        own = {name, *(self.rolled_back | self.missing.keys() if name == self.plan.primary else ())}
        return sum(variant.percent for variant in self.plan.variants if variant.name in own)

    def served(self) -> Sequence[Bundle]:
        """The bundles of the open versions, each once, the primary's first."""
        return list({id(version): version.bundle for version in self.versions.values()}.values())

    def hold(self) -> None:
        """One holder more: until it lets go every version of this flight stays open."""
        self._holders += 1

    def let_go(self) -> None:
        """One holder less; the last one gives the versions back."""
        self._holders -= 1
        if not self._holders:
            for name in self.versions:
                self._pool.give_back(self.bundles[name])

    def count(self, variant: str, *, answered: int = 0, failed: int = 0) -> None:
        """Pictures that a variant answered, and those that it failed by its own fault."""
        self.tallies[variant] += Tally(answered=answered, failed=failed)
        for outcome, number in (("answered", answered), ("failed", failed)):
            if number:
                metrics.ANSWERS.labels(variant, self.bundles[variant].version, outcome).inc(number)

    def _fits(self, call: Call, name: str) -> bool:
        bundle = self.versions[name].bundle
        return (
            call.model in (None, bundle.name)
            and call.version in (None, bundle.version)
            and call.override in (None, "", name, bundle.version)
        )

    def _shown(self, name: str) -> str:
        bundle = self.versions[name].bundle
        return f"variant {name} ({bundle.name} {bundle.version})"


def _insists(call: Call) -> bool:
    """Whether a call wants a certain model, version or variant, and no other."""
    return bool(call.override or call.model or call.version)


def _asked(call: Call) -> str:
    parts = {"model": call.model, "version": call.version, "variant or version": call.override}
    return ", ".join(f"{what} {value!r}" for what, value in parts.items() if value)
