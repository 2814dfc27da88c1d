"""What arrives upstream, as far as the smoke test reads it: predictions (docs/messages/prediction-1.json). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = "prediction/1"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One prediction. `label` is None when the model abstained or failed; `remark` says why then."""

    source: str
    sha256: str
    label: str | None
    probability: float | None
    model: str
    remark: str | None = None


def read_arrival(body: Any) -> Arrival | None:
    """None for whatever is no prediction: events, summaries, other solutions' messages."""
    if not isinstance(body, Mapping) or body.get("schema") != SCHEMA:
        return None
    try:
        model = f"{body['model']['name']} {body['model']['version']} ({body['model']['sha256'][:8]})"
        failure, top = body.get("error"), body.get("top") or ()
        remark = None
        if failure is not None:
            remark = f"{failure['code']}: {failure['message']}"
        elif body.get("abstained"):
            remark = f"abstained: {body.get('reason')}"
        label, probability = (None, None) if remark or not top else (top[0]["label"], top[0]["probability"])
        return Arrival(body["source"], body["frameSha256"], label, probability, model, remark)
    except (KeyError, TypeError):
        return None
