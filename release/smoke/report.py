"""A test's result, for people and for programs. Pure."""

from __future__ import annotations

import json
from typing import Any

from release.smoke.session import Result
from release.smoke.verdict import Outcome, Verdict, counts


def document(result: Result, device: str) -> str:
    """One JSON document and a line's end."""
    content = {
        "device": device,
        "run": result.run,
        "passed": result.passed,
        "models": list(result.models),
        "counts": {outcome.value: number for outcome, number in counts(result.verdicts).items()},
        "otherPictures": result.others,
        "secondsToFirstLabel": _rounded(result.first_s),
        "seconds": _rounded(result.seconds),
        "pictures": [_picture(verdict) for verdict in result.verdicts],
        "remarks": list(result.remarks),
    }
    return json.dumps(content) + "\n"


def table(result: Result, device: str) -> str:
    """For people: what is not right comes last, where eyes are."""
    rows = sorted(result.verdicts, key=lambda verdict: verdict.outcome is not Outcome.RIGHT)
    lines = [f"{'picture':18}{'expected':12}{'upstream':20}"]
    lines += [_row(verdict) for verdict in rows]
    number = counts(result.verdicts)
    said = ", ".join(f"{number[outcome]} {outcome.value}" for outcome in Outcome)
    lines += [f"{'PASSED' if result.passed else 'FAILED'} on {device}: {said}, in {result.seconds:.1f} s"]
    lines += [f"model: {model}" for model in result.models]
    if result.others and number[Outcome.MISSING]:
        lines.append(
            f"{result.others} pictures came that are not the known ones: the camera's image is of another version, "
            "or something changes the pictures on their way"
        )
    lines += [f"hint: {remark}" for remark in result.remarks]
    return "\n".join(lines) + "\n"


def _row(verdict: Verdict) -> str:
    picture = verdict.picture
    return f"{picture.file:18}{picture.label:12}{_came(verdict):20}{verdict.outcome.value}"


def _came(verdict: Verdict) -> str:
    arrival = verdict.arrival
    if arrival is None:
        return "-"
    return arrival.remark or f"{arrival.label} {arrival.probability:.2f}"


def _picture(verdict: Verdict) -> dict[str, Any]:
    arrival = verdict.arrival
    return {
        "file": verdict.picture.file,
        "expected": verdict.picture.label,
        "label": arrival.label if arrival else None,
        "probability": arrival.probability if arrival else None,
        "remark": arrival.remark if arrival else None,
        "outcome": verdict.outcome.value,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
