"""Plans and decisions for the tests of flighting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from serving.flighting.plan import FlightPlan, parse
from serving.flighting.state import Decided, FoundBundle


def document(*percents: float, **more: Any) -> dict[str, Any]:
    """A plan whose primary is `v0` with the first percentage, and whose candidates are `v1`, `v2`..."""
    variants = [
        {"name": f"v{number}", "bundle": f"bundle{number}", "percent": percent}
        for number, percent in enumerate(percents)
    ]
    return {"schema": "flight/1", "primary": "v0", "variants": variants, **more}


def plan(*percents: float, **more: Any) -> FlightPlan:
    return parse(json.dumps(document(*percents, **more)).encode(), "test")


def decided(flown: FlightPlan, revision: int = 1, **more: Any) -> Decided:
    return Decided(**{"revision": revision, "plan": flown, "bundles": found(flown), **more})


def found(flown: FlightPlan) -> dict[str, FoundBundle]:
    """The bundles of a plan as if they had been proven."""
    return {
        variant.name: FoundBundle(
            folder=Path("/nowhere") / variant.bundle, name=variant.bundle, version="1.0.0", sha256="0" * 64
        )
        for variant in flown.variants
    }


def of_one_model(flown: FlightPlan) -> dict[str, FoundBundle]:
    """The same as versions of the model `fast`: the first variant's is 1.0.0, the next one's 1.1.0."""
    return {
        name: bundle.model_copy(update={"name": "fast", "version": f"1.{number}.0"})
        for number, (name, bundle) in enumerate(found(flown).items())
    }
