"""Prometheus' text format (version 0.0.4), written by hand for one reason: the order of labels.

edgeHub and edgeAgent put the labels that all series share first (spec D.6); prometheus_client sorts them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUANTILES = (0.1, 0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A summary's value; `quantiles` in the order of QUANTILES, NaN where nothing was seen lately."""

    count: int
    total: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one name. `series`: labels and value, a Distribution for a summary."""

    name: str
    kind: Literal["counter", "gauge", "summary"]
    help: str
    series: Iterable[tuple[Mapping[str, str], float | Distribution]]


def quantiles(values: Iterable[float]) -> tuple[float, ...]:
    """Of each of QUANTILES the value that as great a part of `values` does not exceed."""
    ordered = sorted(values)
    if not ordered:
        return (math.nan,) * len(QUANTILES)
    return tuple(ordered[max(0, math.ceil(q * len(ordered)) - 1)] for q in QUANTILES)


def render(families: Iterable[Family], common: Mapping[str, str]) -> str:
    """The text; `common` labels lead every series."""
    return "".join(f"{line}\n" for family in families for line in _lines(family, common))


def _lines(family: Family, common: Mapping[str, str]) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.series:
        every = {**common, **labels}
        if not isinstance(value, Distribution):
            yield f"{family.name}{_labels(every)} {_number(value)}"
            continue
        for quantile, at in zip(QUANTILES, value.quantiles, strict=True):
            yield f"{family.name}{_labels({**every, 'quantile': str(quantile)})} {_number(at)}"
        yield f"{family.name}_sum{_labels(every)} {_number(value.total)}"
        yield f"{family.name}_count{_labels(every)} {value.count}"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}"


def _escaped(value: str) -> str:
    # Half a surrogate pair would not be UTF-8; a carriage return ends a line for some readers.
    text = value.encode(errors="replace").decode().replace("\r", " ")
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
