"""What is served under /metrics, as Prometheus keeps it, and what of a query is not among it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

OWN = ("up",)
"""Series that Prometheus makes itself of each target."""


class Catalogue:
    """Names, labels and values of all targets."""

    def __init__(self) -> None:
        self._labels: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def add(self, text: str, target: Mapping[str, str]) -> None:
        """A target's answer; `target`: its labels, which each of its series gets."""
        for family in text_string_to_metric_families(text):
            # A counter's name without series is what Prometheus will call it.
            ending = "_total" if family.type == "counter" and not family.name.endswith("_total") else ""
            self._see(f"{family.name}{ending}", target)
            for sample in family.samples:
                self._see(sample.name, {**target, **sample.labels})
        for name in OWN:
            self._see(name, target)

    def _see(self, name: str, labels: Mapping[str, str]) -> None:
        for label, value in labels.items():
            self._labels[name][label].add(value)

    def lacks(self, query: Mapping[str, Any], unseen: frozenset[str] = frozenset()) -> list[str]:
        """What `query` (read_queries.py) names and nothing has.

        Args:
            unseen: values of matchers that need not be there, as LABEL=VALUE.
        """
        found = []
        for selector in query["selectors"]:
            metric = selector["metric"]
            if metric not in self._labels:
                found.append(f"no metric {metric}")
                continue
            for label, operator, value in selector["matchers"]:
                if label not in self._labels[metric]:
                    found.append(f"no label {label} of {metric}")
                elif f"{label}={value}" not in unseen and not self._has(metric, label, operator, value):
                    found.append(f"no {metric} with {label} {value}")
        for label, metrics in query["labels"]:
            if not any(label in self._labels[metric] for metric in metrics):
                found.append(f"no label {label} of any of {', '.join(metrics)}")
        return found

    def _has(self, metric: str, label: str, operator: str, value: str) -> bool:
        values = self._labels[metric][label]
        if operator == "Equal":
            return value in values
        if operator == "Re":
            return any(re.fullmatch(value, one) for one in values)
        return True
