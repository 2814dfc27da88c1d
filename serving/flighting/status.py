"""What a person or a pipeline that watches a flight wants to know: one document, the same from every worker."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from serving.flighting.state import StateFolder, is_there


def status(state: StateFolder) -> dict[str, Any]:
    """The plan that holds, what each variant has counted under it, what was taken back, and how far each worker is.

    `refused` says why the plan file's present text is not what holds. `failed` of a worker says why it serves an
    older revision. Reads a few small files.
    """
    decided = state.decided()
    totals = state.totals(decided)
    variants = {
        variant.name: {
            "bundle": decided.bundles[variant.name].name,
            "version": decided.bundles[variant.name].version,
            "sha256": decided.bundles[variant.name].sha256,
            "percent": variant.percent,
            "counted": asdict(totals[variant.name]),
            "rolledBack": asdict(back) if (back := decided.rolled_back.get(variant.name)) else None,
        }
        for variant in decided.plan.variants
    }
    workers = [
        {"worker": report.worker, "revision": report.revision, "failed": report.failed}
        for report in state.reports()
        if is_there(report.pid)
    ]
    return {
        "revision": decided.revision,
        "plan": decided.plan.document(),
        "refused": decided.refused,
        "variants": variants,
        "workers": workers,
    }
