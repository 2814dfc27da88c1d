"""Which automatic deployments a device gets, and what they amount to (spec E.8). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_runtime.iothub.service.content import DESIRED, Sections, lay, modules_content
from edge_runtime.iothub.service.errors import InvalidRequestError
from edge_runtime.iothub.service.query import Row, target


@dataclass(frozen=True, slots=True)
class Automatic:
    """One automatic deployment: a base, with `$edgeAgent`'s system modules, or a layer, without."""

    name: str
    priority: int
    created: str
    condition: str
    modules: Mapping[str, Mapping[str, Any]]
    is_layer: bool

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> Automatic:
        """Raises InvalidRequestError for content that is neither."""
        modules = modules_content(configuration["content"])
        agent = modules.get("$edgeAgent", {})
        whole = agent.get(DESIRED)
        is_layer = not isinstance(whole, dict) or "systemModules" not in whole
        if is_layer and (whole is not None or any("systemModules" in key for key in agent)):
            raise InvalidRequestError(
                "modulesContent.$edgeAgent: a base deployment has properties.desired with systemModules, "
                "a layer has properties.desired.modules.NAME"
            )
        if not is_layer and DESIRED not in modules.get("$edgeHub", {}):
            raise InvalidRequestError("modulesContent.$edgeHub: a base deployment has its properties.desired")
        return cls(
            name=configuration["id"],
            priority=configuration["priority"],
            created=configuration["createdTimeUtc"],
            condition=configuration["targetCondition"],
            modules=modules,
            is_layer=is_layer,
        )

    def targets(self, twin: Row) -> bool:
        return target(self.condition)(twin)


@dataclass(frozen=True, slots=True)
class Choice:
    """`applied` in the order in which they are laid: the base, then its layers; `targeted` are all that match."""

    applied: Sequence[Automatic]
    targeted: Sequence[Automatic]

    def sections(self) -> Sections:
        laid: Sections = {}
        for deployment in self.applied:
            laid = lay(deployment.modules, laid)
        return laid

    def states(self) -> dict[str, dict[str, str]]:
        """As `$edgeAgent`'s twin shows them."""
        applied = {deployment.name for deployment in self.applied}
        return {
            one.name: {"status": "Applied" if one.name in applied else "Targeted"} for one in self.targeted
        }


def choose(deployments: Iterable[Automatic], twin: Row) -> Choice:
    """The base of the highest priority, the youngest of equals, and the layers above it; no base, no layer."""
    targeted = sorted((d for d in deployments if d.targets(twin)), key=lambda d: (d.priority, d.created))
    bases = [deployment for deployment in targeted if not deployment.is_layer]
    if not bases:
        return Choice((), targeted)
    base = bases[-1]
    layers = [d for d in targeted if d.is_layer and d.priority > base.priority]
    return Choice((base, *layers), targeted)
