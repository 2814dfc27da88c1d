"""What the report says, as one JSON document: `scripts/evaluate --json` prints it, the page is made from it alone."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Drop(_Part):
    """What accuracy is lost between two JPEG qualities, on the same records.

    top1: accuracy at `better` less that at `worse`. standard_error: of the mean of the records' differences
        (paired: a record that is right, or wrong, at both qualities adds nothing).
    """

    better: int
    worse: int
    top1: float
    standard_error: float


class QualityCurve(_Part):
    """Top-1 of one model at each JPEG quality and chroma sampling (`4:2:0`, `4:4:4`)."""

    model: str
    chroma: str
    seen_in_training: bool
    top1: tuple[float, ...]
    drop: Drop


class QualityReport(_Part):
    """Lossless records re-encoded at each quality. `lossless`: model -> top-1 on their original pixels."""

    n: int
    qualities: tuple[int, ...]
    lossless: dict[str, float]
    curves: tuple[QualityCurve, ...]

    def curve(self, model: str, chroma: str) -> QualityCurve:
        return next(c for c in self.curves if (c.model, c.chroma) == (model, chroma))


class BundleReport(_Part):
    """One bundle. `test`: what `python -m image_classifier evaluate --json` prints of the test split.

    trainings: what `scripts/train --bundle` is to be given, in order, to train it again; empty where no configuration
        says it.
    parity: the agreements of runtimes that `scripts/parity` has recorded in the bundle; empty where there are none.
    quality: None where it cannot be told which records the bundle never trained on; `quality_problem` says why.
    """

    name: str
    version: str
    sha256: str
    description: str
    training: dict[str, Any]
    test: dict[str, Any]
    trainings: tuple[str, ...] = ()
    parity: tuple[dict[str, Any], ...] = ()
    quality: QualityReport | None = None
    quality_problem: str | None = None


class Reference(_Part):
    """A model to compare with; `lossless` is its top-1 on lossless test images as published, never measured here."""

    name: str
    file: str
    lossless: float | None = None


class Report(_Part):
    """Everything. `bench` is what `scripts/bench model --json` prints, or None and the problem."""

    command: str
    machine: str
    runtime: str
    test_data: str
    bundles: tuple[BundleReport, ...]
    references: tuple[Reference, ...]
    bench: dict[str, Any] | None = None
    bench_problem: str | None = None
