"""What became of a message, as JSON documents."""

from __future__ import annotations

from edge_runtime.routing.evaluator import Match
from edge_runtime.routing.explain import Explanation, Part


def verdict_document(explanation: Explanation) -> dict[str, object]:
    """What one route says of a message; the route's name and text are the caller's."""
    route = explanation.route
    return {
        "endpoint": route.endpoint.id,
        "priority": route.priority,
        "timeToLiveSecs": route.time_to_live_s,
        "matched": explanation.matched,
        "sourceMatched": explanation.source_matched,
        "condition": explanation.condition,
        "deciding": _part_document(explanation.deciding),
        "operands": [_part_document(part) for part in explanation.operands],
        "notes": explanation.notes,
    }


def match_document(match: Match) -> dict[str, object]:
    """One copy of a message."""
    return {
        "endpoint": match.endpoint.id,
        "priority": match.priority,
        "timeToLiveSecs": match.time_to_live_s,
        "routes": match.routes,
    }


def _part_document(part: Part) -> dict[str, object]:
    return {"text": part.text, "line": part.line, "column": part.column, "value": part.value}
