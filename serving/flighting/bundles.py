"""Proving the bundles of a plan before any worker loads them."""

from __future__ import annotations

from image_classifier.errors import ImageClassifierError
from image_classifier.sandbox import Sandbox
from serving.flighting.plan import FlightPlan, PlanError
from serving.flighting.state import FoundBundle


def check_all(plan: FlightPlan) -> dict[str, FoundBundle]:
    """By variant, what its bundle is; each was run in a child process and gave its golden vectors.

    Blocks for about half a second.

    Raises:
        PlanError: a bundle cannot be used, or knows other labels than the primary's. Their order may differ.
    """
    found, labels, problems = {}, {}, []
    with Sandbox() as sandbox:
        for variant in plan.variants:
            try:
                bundle = sandbox.check(variant.bundle).bundle
            except ImageClassifierError as error:
                problems.append(f"variant {variant.name}: {error}")
                continue
            labels[variant.name] = frozenset(bundle.labels)
            found[variant.name] = FoundBundle(
                folder=bundle.folder, name=bundle.name, version=bundle.version, sha256=bundle.sha256
            )
    for name, known in labels.items():
        if known != labels.get(plan.primary, known):
            odd = ", ".join(sorted(known ^ labels[plan.primary])[:4])
            problems.append(f"variant {name}: other labels than the primary's, such as {odd}")
    if problems:
        raise PlanError("flight plan", problems)
    return found
