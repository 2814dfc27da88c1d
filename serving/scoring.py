"""What the HTTP interfaces ask, and what answers them: the seam between the web and the models.

An interface makes a `Call`, hands its pictures to a `Scoring`, and knows nothing of how a version was
chosen, mirrored or judged. `OneVersion` serves one bundle.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from image_classifier.bundle import Bundle
from image_classifier.classifier import Classification, Classifier, Refusal
from image_classifier.decoding import DecodeLimits
from image_classifier.preprocess import ModelInput, Pixels, ReadyTensor
from serving import vital
from serving.batching import Batcher, BatchLimits
from serving.errors import BadContentError, OverloadedError, StuckError, UnknownModelError
from serving.metrics import count_results

Result = Classification | Refusal


@dataclass(frozen=True, slots=True)
class Call:
    """What one request says about the model that it wants.

    interface: which contract it came by (`score`, `v2`, `skill`), as metrics name it.
    model, version: named in the URL; None: whatever the service would choose.
    sticky_key: requests with the same key get the same version (header `X-Flight-Key`); None: any.
    override: the version that the client insists on (header `X-Model-Version`); None: none.
    by_share: whether any version that fits may answer; False: the first one, which `Scoring.find` gives.
    """

    interface: str
    model: str | None = None
    version: str | None = None
    sticky_key: str | None = None
    override: str | None = None
    by_share: bool = True


class ModelVersion(Protocol):
    """One version of a model, ready to score."""

    @property
    def bundle(self) -> Bundle: ...

    async def score(self, pictures: Sequence[ModelInput]) -> list[Result]:
        """An answer for each picture, in their order; all labels are in `top`. A `Refusal` is the picture's fault.

        Raises:
            OverloadedError: nothing was scored.
            StuckError: an earlier picture, or one of these, does not come back from the model.
        """
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """Answers in the order of the pictures, and the bundle that gave them."""

    bundle: Bundle
    results: list[Result]


class Scoring(Protocol):
    """All models of this process. An asynchronous context: entered before the first request, left after the last."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def ready(self) -> bool:
        """Whether requests can be answered now."""
        ...

    def bundles(self) -> Sequence[Bundle]:
        """Every version that is served, the one that serves most first."""
        ...

    def find(self, call: Call) -> Bundle:
        """The first of the served versions that is what `call` insists on, by URL and override.

        Raises:
            UnknownModelError: there is none.
        """
        ...

    def full(self) -> OverloadedError | None:
        """Why any request would be refused now, so that none need be read; None: it depends on the request."""
        ...

    async def score(self, call: Call, pictures: Sequence[ModelInput]) -> Scored:
        """Choose a version for `call`, score with it.

        Raises:
            UnknownModelError: `call` names a model, version or override that is not served.
            OverloadedError: nothing was scored.
        """
        ...


class BatchedVersion:
    """A bundle in the TFLite runtime behind a batching queue: the `ModelVersion` of this project."""

    def __init__(self, bundle: Bundle, batching: BatchLimits, decoding: DecodeLimits) -> None:
        """Load the model (tens of milliseconds; blocks).

        Raises:
            BundleError: the model is refused or differs from its document.
        """
        self.bundle = bundle
        self._classifier = Classifier(bundle, limits=decoding)
        self._batcher: Batcher[ModelInput, Result] = Batcher(self._classify, batching)

    async def __aenter__(self) -> Self:
        await self._batcher.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._batcher.stop()

    @property
    def ready(self) -> bool:
        return self._batcher.running

    def full(self) -> OverloadedError | None:
        """Why not even one picture would be scored now."""
        return self._batcher.full()

    async def score(self, pictures: Sequence[ModelInput]) -> list[Result]:
        for picture in pictures:
            if not isinstance(picture, bytes):
                self._check(picture)
        return await self._batcher.submit(pictures)

    def _check(self, picture: Pixels | ReadyTensor) -> None:
        """An array of a wrong form must not reach a batch, which it would fail for all."""
        spec = self.bundle.input
        shape, dtype = (
            (spec.shape, spec.dtype) if isinstance(picture, ReadyTensor) else (spec.shape[1:], "uint8")
        )
        found = picture.values if isinstance(picture, ReadyTensor) else picture
        if found.shape != shape or found.dtype != np.dtype(dtype):
            raise BadContentError(f"expected {dtype} {shape}, found {found.dtype} {found.shape}")

    def _classify(self, pictures: Sequence[ModelInput]) -> list[Result]:
        return self._classifier.classify_all(pictures, len(self.bundle.labels))


class OneVersion:
    """The `Scoring` of a service that serves a single bundle."""

    def __init__(self, version: BatchedVersion) -> None:
        self._version = version

    async def __aenter__(self) -> Self:
        await self._version.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._version.__aexit__(kind, error, trace)

    @property
    def ready(self) -> bool:
        return self._version.ready

    def bundles(self) -> Sequence[Bundle]:
        return (self._version.bundle,)

    def find(self, call: Call) -> Bundle:
        bundle = self._version.bundle
        asked = {"model": call.model, "version": call.version, "override": call.override}
        served = bundle.version
        if call.model in (None, bundle.name) and {call.version, call.override or None} <= {None, served}:
            return bundle
        told = ", ".join(f"{what} {value!r}" for what, value in asked.items() if value)
        raise UnknownModelError(told, f"{bundle.name} {served}")

    def full(self) -> OverloadedError | None:
        return self._version.full()

    async def score(self, call: Call, pictures: Sequence[ModelInput]) -> Scored:
        bundle = self.find(call)
        started = time.perf_counter()
        try:
            results = await self._version.score(pictures)
        except StuckError as error:
            vital.failed("the model hangs", error)
            raise
        count_results(bundle, results, time.perf_counter() - started)
        return Scored(bundle, results)
