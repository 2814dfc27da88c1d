"""Reads docs/monitoring where a parser of PromQL and Grafana's types are: run it with `.venv-monitoring`.

Prints one JSON document: `queries` [{"place", "expr", "selectors": [{"metric", "matchers": [[label, op, value]]}],
"labels": [[label, [metric]]], "wanted": [label], "result": [label] or null}], where `labels` are those that an operator
names and the metrics below it, `wanted` those that a legend or a text shows, and `result` those that the outermost
aggregation leaves; and `unknown`: fields of the dashboard that Grafana's types do not have.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

VARIABLES = {"$__rate_interval": "1m", "$__range": "5m", "$device": ".*"}
"""What Grafana puts in the place of its variables, in some way."""
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")


def main(folder: Path) -> dict[str, Any]:
    dashboard = json.loads((folder / "dashboard.json").read_text())
    rules = yaml.safe_load((folder / "alerts.yml").read_text())
    return {
        "queries": [
            {"place": place, "expr": expr, **described(promql_parser.parse(expr), labels)}
            for place, expr, labels in (*of_dashboard(dashboard), *of_rules(rules))
        ],
        "unknown": sorted(unknown(dashboard, as_grafana_has_it(dashboard), "")),
    }


def of_dashboard(dashboard: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Place, expression, and labels that are wanted of its result."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            legend = re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"])
            yield f"panel {panel['title']}", substituted(target["expr"]), legend
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield f"annotation {annotation['name']}", substituted(annotation["expr"]), []
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found = LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert found is not None, variable
            yield f"variable {variable['name']}", found[1], [found[2]]


def of_rules(rules: dict[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    for group in rules["groups"]:
        for rule in group["rules"]:
            texts = " ".join(rule["annotations"].values())
            yield f"rule {rule['alert']}", rule["expr"], re.findall(r"\$labels\.(\w+)", texts)


def substituted(expr: str) -> str:
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def described(expr: Any, wanted: list[str]) -> dict[str, Any]:
    selectors = [node for node in nodes(expr) if isinstance(node, promql_parser.VectorSelector)]
    return {
        "selectors": [
            {
                "metric": one.name,
                "matchers": [[m.name, str(m.op).rpartition(".")[2], m.value] for m in one.matchers.matchers],
            }
            for one in selectors
        ],
        "labels": [*named_labels(expr), *([label, metrics(expr)] for label in wanted)],
        "wanted": wanted,
        "result": result_labels(expr),
    }


def nodes(expr: Any) -> Iterator[Any]:
    """`expr` and all below it."""
    yield expr
    match expr:
        case promql_parser.BinaryExpr():
            below = [expr.lhs, expr.rhs]
        case promql_parser.MatrixSelector():
            below = [expr.vector_selector]
        case promql_parser.Call():
            below = expr.args
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            below = [expr.expr]
        case promql_parser.SubqueryExpr():
            below = [expr.expr]
        case promql_parser.VectorSelector() | promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            below = []
        case _:
            raise TypeError(f"{type(expr).__name__} is new to this reader: {expr.prettify()}")
    for one in below:
        yield from nodes(one)


def metrics(expr: Any) -> list[str]:
    return sorted({node.name for node in nodes(expr) if isinstance(node, promql_parser.VectorSelector)})


def named_labels(expr: Any) -> Iterator[tuple[str, list[str]]]:
    """Labels that an operator groups or joins by, with the metrics that it works on."""
    for node in nodes(expr):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            yield from ((label, metrics(node.expr)) for label in node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier:
            matching = node.modifier.matching.labels if node.modifier.matching else []
            # Both sides must have what they are joined by.
            yield from ((label, metrics(side)) for label in matching for side in (node.lhs, node.rhs))


def result_labels(expr: Any) -> list[str] | None:
    """The labels of the result, where an aggregation says so; None: those of the series."""
    match expr:
        case promql_parser.AggregateExpr():
            return sorted(expr.modifier.labels) if expr.modifier else []
        case promql_parser.BinaryExpr():
            left = result_labels(expr.lhs)
            return result_labels(expr.rhs) if left is None and not metrics(expr.lhs) else left
        case promql_parser.ParenExpr():
            return result_labels(expr.expr)
        case promql_parser.Call():
            inner = [result_labels(argument) for argument in expr.args if metrics(argument)]
            return [label for label in inner[0] if label != "le"] if inner and inner[0] is not None else None
        case _:
            return None


def as_grafana_has_it(dashboard: dict[str, Any]) -> dict[str, Any]:
    register_default_plugins()
    text = JSONEncoder(sort_keys=True, indent=None).encode(Dashboard.from_json(dashboard))
    known: dict[str, Any] = json.loads(text)
    return known


def unknown(ours: Any, known: Any, path: str) -> Iterator[str]:
    """Where `known`, which went through Grafana's types, lacks something of `ours` or has something else."""
    if isinstance(ours, dict) and isinstance(known, dict):
        for name, value in ours.items():
            if name in known:
                yield from unknown(value, known[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(ours, list) and isinstance(known, list) and len(ours) == len(known):
        for number, (one, other) in enumerate(zip(ours, known, strict=True)):
            yield from unknown(one, other, f"{path}[{number}]")
    elif ours != known:
        yield f"{path}: {ours!r} became {known!r}"


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1])), sys.stdout)
