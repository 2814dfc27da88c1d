"""How the demo words predictions, events, module states and the summary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from demo.ledger import EventSeen, Model, PredictionSeen

_PLAIN_ROUTE = re.compile(
    r"FROM /messages/modules/(?P<source>[^ ]+) INTO "
    r"(?:(?P<upstream>\$upstream)|BrokeredEndpoint\(\"/modules/(?P<module>[^/]+)/inputs/(?P<input>[^/]+)\"\))",
    re.IGNORECASE,
)


def prediction_line(seen: PredictionSeen) -> str:
    if seen.error is not None:
        return f"{seen.frame_id}  not classified: {seen.error}"
    verdict = ""
    if seen.truth is not None:
        verdict = "  right" if seen.truth == seen.label else f"  wrong, it is a {seen.truth}"
    return f"{seen.frame_id}  {seen.label} {seen.probability:.2f}{verdict}  ({seen.latency_ms:.0f} ms)"


def switch_line(former: Model, seen: PredictionSeen) -> str:
    return f"{_named(former)} -> {_named(seen.model)} after {seen.number - 1} frames"


def event_line(seen: EventSeen) -> str:
    body = seen.body
    line = f"{body['label']} {body['type']}, mean probability {body['meanProbability']:.2f}"
    return line if body["type"] == "start" else f"{line}, after {body['durationMs'] / 1000:.1f} s"


def route_line(text: str) -> str:
    """`camera/frames -> classifier/frames` of a plain route; one with a condition stays as it is."""
    found = _PLAIN_ROUTE.fullmatch(text.strip())
    if found is None:
        return text
    target = found["upstream"] or f"{found['module']}/{found['input']}"
    return f"{found['source'].replace('/outputs/', '/')} -> {target}"


def module_state(state: dict[str, Any]) -> str:
    """`running`, `running (not connected)`, `backoff: <why>`..."""
    status = str(state.get("runtimeStatus", "unknown"))
    if status == "running" and not state.get("connected"):
        return "running (not connected)"
    description = state.get("statusDescription")
    return f"{status}: {description}" if description and status != "running" else status


def summary_rows(report: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, value) of what is worth a line."""
    yield "frames sent", str(report["frames_sent"])
    yield "predictions", f"{report['predictions']} ({report['prediction_errors']} errors)"
    yield (
        "lost / duplicates / out of order",
        f"{report['lost']} / {report['duplicates']} / {report['out_of_order']}",
    )
    if report["accuracy"] is not None:
        yield "accuracy (top-1)", f"{report['accuracy']:.4f}"
    for model in report["models"]:
        yield "model", _model(model, alone=len(report["models"]) == 1)
    if report["fps"] is not None:
        yield "predictions a second", f"{report['fps']:.1f}"
    for name, values in report["latency_ms"].items():
        yield f"{name.replace('_', ' ')}, ms", _percentiles(values)
    for name, values in report["stages_ms"].items():
        yield f"stage {name}, ms", _percentiles(values)
    yield "events / summaries upstream", f"{report['events_upstream']} / {report['summaries_upstream']}"
    yield "memory, MB", ", ".join(f"{name} {value:.0f}" for name, value in report["rss_mb"].items())
    if report["startup_s"] is not None:
        yield "command to first prediction", f"{report['startup_s']:.1f} s"
    if report["first_event_s"] is not None:
        yield "command to first event upstream", f"{report['first_event_s']:.1f} s"
    if report["dropped"]:
        yield "dropped", ", ".join(f"{reason} {count}" for reason, count in report["dropped"].items())
    if "incomplete" in report:
        yield "INCOMPLETE", report["incomplete"]


def _named(model: Model) -> str:
    return f"{model.name} {model.version}"


def _model(model: dict[str, Any], *, alone: bool) -> str:
    text = f"{model['name']} {model['version']} ({model['sha256'][:8]})"
    if alone:
        return text
    accuracy = "" if model["accuracy"] is None else f", accuracy {model['accuracy']:.4f}"
    return f"{text}: {model['predictions']} predictions{accuracy}"


def _percentiles(values: dict[str, float | None]) -> str:
    known = [f"{name} {value:.1f}" for name, value in values.items() if value is not None]
    return ", ".join(known) or "-"
