"""All comparisons of one bundle, as far as what they need is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from image_classifier.bundle import Bundle
from image_classifier.labelled import Labelled
from image_classifier.runtime import Kernels
from training.parity import ask
from training.parity.agreement import QUANTIZATION, RUNTIMES, Agreement, Limits
from training.parity.answers import Answers
from training.parity.container import Checked, build
from training.parity.environments import TFLITE, TRAINING, NotAskedError
from training.parity.pictures import read_pictures, spread

REFERENCE_PICTURES = 500
"""The reference kernels are some thirty times slower."""
EMULATED_PICTURES = 200


@dataclass(slots=True)
class Comparison:
    """What was found of one bundle.

    Attributes:
        golden: for each runtime, the largest difference of a probability of each golden vector.
        checks: for each platform, what `python -m image_classifier check` said in the container.
        not_asked: why a runtime could not be asked.
    """

    bundle: Bundle
    agreements: list[Agreement] = field(default_factory=list)
    golden: dict[str, list[float]] = field(default_factory=dict)
    checks: dict[str, Checked] = field(default_factory=dict)
    not_asked: list[str] = field(default_factory=list)

    def add_golden(self, answers: Answers) -> None:
        stated = np.array([vector.probabilities for vector in self.bundle.golden_vectors])
        if len(answers.golden):
            difference = np.abs(answers.golden - stated).max(axis=1)
            self.golden[answers.runtime] = [float(value) for value in difference]

    def broken(self) -> list[str]:
        """Every limit that is broken, in words."""
        tolerance = self.bundle.golden_tolerance
        vectors = self.bundle.golden_vectors
        refused = [
            f"the {platform} container refuses it: {checked.text}"
            for platform, checked in self.checks.items()
            if not checked.passed
        ]
        apart = [problem for agreement in self.agreements for problem in agreement.broken()]
        return [
            *refused,
            *apart,
            *(
                f"{runtime}: golden vector {vector.name} differs by {difference:.4f}, at most {tolerance}"
                for runtime, differences in self.golden.items()
                for vector, difference in zip(vectors, differences, strict=True)
                if not difference <= tolerance
            ),
        ]

    def document(self) -> dict[str, Any]:
        names = [vector.name for vector in self.bundle.golden_vectors]
        return {
            "bundle": {
                "name": self.bundle.name,
                "version": self.bundle.version,
                "sha256": self.bundle.sha256,
            },
            "agreements": [agreement.document() for agreement in self.agreements],
            "golden": {
                "tolerance": self.bundle.golden_tolerance,
                "differences": {
                    runtime: dict(zip(names, (round(value, 4) for value in values), strict=True))
                    for runtime, values in self.golden.items()
                },
            },
            "checks": {platform: asdict(checked) for platform, checked in self.checks.items()},
            "notAsked": self.not_asked,
            "broken": self.broken(),
        }


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare with: the data set, None for the golden vectors alone, and which pictures of it.

    Attributes:
        limit: pictures at most.
        state: the training's checkpoints of the float model; None for where the training keeps them.
        platforms: architectures to run the classifier module's image of.
    """

    data: Path | None
    limit: int | None = None
    state: Path | None = None
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Other:
    """Who is compared with the fastest kernels here, how alike they must be, and on how many pictures at most."""

    limits: Limits
    most: int | None
    ask: Callable[[list[Labelled]], Answers]


def compare(bundle: Bundle, question: Question) -> Comparison:
    """Ask every runtime; one that cannot be asked is noted in `not_asked` and keeps none from the others.

    Raises:
        DatasetError: there is no test split.
    """
    found = Comparison(bundle)
    pictures = read_pictures(question.data, question.limit) if question.data else []
    base = ask.answers(bundle, pictures, Kernels.FASTEST)
    found.add_golden(base)
    for other in _others(found, question):
        chosen = spread(len(pictures), other.most)
        try:
            answers = other.ask([pictures[index] for index in chosen])
        except NotAskedError as error:
            found.not_asked.append(str(error))
            continue
        found.add_golden(answers)
        if pictures:
            found.agreements.append(Agreement.of(base.take(chosen), answers, other.limits))
    return found


def _others(found: Comparison, question: Question) -> Iterator[_Other]:
    bundle, data = found.bundle, question.data
    of_data = ["--data", str(data)] if data else []
    if question.limit:
        of_data += ["--limit", str(question.limit)]
    if data:
        state = ["--state", str(question.state)] if question.state else []
        options = [*of_data, *state]
        yield _Other(
            QUANTIZATION, None, lambda _: TRAINING.ask("training.parity.float_model", bundle, *options)
        )
    yield _Other(RUNTIMES, None, lambda _: TFLITE.ask("training.parity.ask", bundle, *of_data))
    yield _Other(RUNTIMES, REFERENCE_PICTURES, lambda few: ask.answers(bundle, few, Kernels.REFERENCE))
    for platform in question.platforms:
        yield _Other(RUNTIMES, EMULATED_PICTURES, partial(_in_container, found, platform))


def _in_container(found: Comparison, platform: str, pictures: list[Labelled]) -> Answers:
    image = build(platform)
    found.checks[platform] = image.check(found.bundle)
    return image.ask(found.bundle, pictures)
