"""The flight plan, a document of schema `flight/1`: which bundle answers which share of the requests.

README.md explains each key with an example. What a plan says is checked here and nowhere else; whether its bundles
can be used is `bundles.check_all`'s question.

PlanError(ConfigurationError)   the document is refused; the message names the file, the key and what was expected
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from serving.errors import ConfigurationError

MAX_PLAN_BYTES = 64 << 10
MAX_VARIANTS = 16
MAX_MIRROR_PERCENT = 50.0
STEPS_A_PERCENT = 100
"""Shares are told apart to a hundredth of a percent."""

_NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"


class PlanError(ConfigurationError):
    """A plan that is refused."""

    def __init__(self, where: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{where}: {'; '.join(self.problems)}")


def _in_steps(percent: float) -> float:
    if abs(percent * STEPS_A_PERCENT - round(percent * STEPS_A_PERCENT)) > 1e-6:
        raise ValueError("at most two decimals")
    return percent


Percent = Annotated[float, Field(ge=0, le=100), AfterValidator(_in_steps)]
Share = Annotated[float, Field(gt=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
    )


class Variant(_Part):
    """A bundle under the name that headers, metrics and logs use for it."""

    name: str = Field(pattern=_NAME)
    bundle: str = Field(min_length=1, max_length=4096, description="Name of a shipped bundle, or its folder.")
    percent: Percent = Field(description="Of the requests, in steps of 0.01.")

    @property
    def steps(self) -> int:
        """The share in steps of a hundredth of a percent."""
        return round(self.percent * STEPS_A_PERCENT)


class Mirror(_Part):
    """Requests that the primary answers are also given to a candidate, whose answers are compared and let go."""

    variant: str = Field(pattern=_NAME)
    percent: float = Field(
        ge=0, le=MAX_MIRROR_PERCENT, description="Of the requests that the primary answers."
    )


class Rollback(_Part):
    """When a candidate is taken back by itself. A bound that is absent or null is not watched."""

    error_rate: Share | None = Field(default=None, description="Failed answers by all answers.")
    disagreement: Share | None = Field(
        default=None, description="Mirrored answers with another label than the primary's, by all compared."
    )
    score_distance: Share | None = Field(
        default=None, description="Mean total variation distance of the scores of mirrored answers."
    )
    window_seconds: float = Field(default=60, ge=1, le=86_400)
    minimum_count: int = Field(
        default=100, ge=1, le=1_000_000, description="Fewer answers in the window than this decide nothing."
    )

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        if self.error_rate is None and not self.compares:
            raise ValueError("no bound is given: errorRate, disagreement or scoreDistance")
        return self

    @property
    def compares(self) -> bool:
        return self.disagreement is not None or self.score_distance is not None


class FlightPlan(_Part):
    """The whole document; `parse` reads one."""

    schema_: Literal["flight/1"] = Field(alias="schema")
    primary: str = Field(pattern=_NAME, description="Answers whatever no candidate answers.")
    variants: tuple[Variant, ...] = Field(min_length=1, max_length=MAX_VARIANTS)
    mirror: Mirror | None = None
    rollback: Rollback | None = Field(default_factory=lambda: Rollback(error_rate=0.05))

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        names = [variant.name for variant in self.variants]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"variants: {', '.join(twice)}: named twice")
        if self.primary not in names:
            raise ValueError(f"primary: {self.primary} is none of the variants {', '.join(names)}")
        total = sum(variant.steps for variant in self.variants)
        if total != 100 * STEPS_A_PERCENT:
            raise ValueError(f"variants: the percentages sum to {total / STEPS_A_PERCENT:g}, not to 100")
        if self.mirror and (self.mirror.variant not in names or self.mirror.variant == self.primary):
            raise ValueError(f"mirror.variant: {self.mirror.variant} is no variant beside the primary")
        if self.rollback and self.rollback.compares and not self.mirror:
            raise ValueError("rollback: disagreement and scoreDistance are measured by a mirror; give one")
        return self

    @property
    def candidates(self) -> tuple[Variant, ...]:
        """All but the primary, in the order of the document."""
        return tuple(variant for variant in self.variants if variant.name != self.primary)

    def document(self) -> dict[str, Any]:
        """The plan as JSON values, defaults included."""
        return self.model_dump(mode="json", by_alias=True)


def read(path: Path) -> FlightPlan:
    """The plan in a file, whatever links lead to it.

    Raises:
        PlanError: it cannot be read, or `parse` refuses it.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        raise PlanError(str(path), [f"cannot be read: {error.strerror}"]) from None
    return parse(raw, str(path))


def parse(raw: bytes, where: str) -> FlightPlan:
    """The plan that JSON text holds; `where` is for the error's text.

    Raises:
        PlanError: with every problem that was found.
    """
    if len(raw) > MAX_PLAN_BYTES:
        raise PlanError(where, [f"longer than {MAX_PLAN_BYTES} bytes"])
    try:
        return FlightPlan.model_validate_json(raw, by_alias=True, by_name=False)
    except ValidationError as error:
        raise PlanError(where, map(_told, error.errors(include_url=False))) from None


def _told(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"])
    text = str(problem["msg"]).removeprefix("Value error, ")
    given = problem["input"]
    shown = (
        f" (found {given!r})"
        if isinstance(given, str | int | float) and problem["type"] != "json_invalid"
        else ""
    )
    return f"{place}: {text}{shown}" if place else text
