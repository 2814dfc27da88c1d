"""The modules that a manifest desires, as the agent reads them (spec D.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from edge_runtime.manifest import create_options
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.schema import MOST_STARTUP_ORDER, EdgeAgentModule, EdgeHubModule, UserModule
from edge_runtime.manifest.schema_check import worded
from edge_runtime.manifest.source import with_tag


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """One desired module. `env` and `create_options` may hold secrets and stay out of `repr`."""

    name: str
    image: str
    status: str = "running"
    restart_policy: str = "always"
    startup_order: int = MOST_STARTUP_ORDER
    env: dict[str, str] = field(default_factory=dict, repr=False)
    create_options: dict[str, Any] = field(default_factory=dict, repr=False)
    image_pull_policy: str = "on-create"
    version: str = ""


def module_specs(agent: Node | None, group: str) -> tuple[ModuleSpec, ...]:
    """The modules under `modules` or `systemModules`; what breaks the schema is left out (and reported)."""
    modules = agent.get(group) if agent else None
    specs = (_spec(name, group, node.plain()) for name, node in (modules.members if modules else {}).items())
    return tuple(spec for spec in specs if spec)


def module_problem(name: str, plain: object) -> str:
    """What keeps `modules.NAME` from being a module: where it is, and what is wrong with it."""
    try:
        _read(name, "modules", plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        first["loc"] = first["loc"] or (name,)
        inside = [part for part in first["loc"] if part != "[key]"][:-1]
        return f"{'.'.join(map(str, ('modules', name, *inside)))}: {worded(first)}"
    except create_options.CreateOptionsError as error:
        return f"modules.{name}.settings: {error}"
    return ""


def _spec(name: str, group: str, plain: object) -> ModuleSpec | None:
    try:
        module, options = _read(name, group, plain)
    except (ValidationError, create_options.CreateOptionsError):
        return None
    spec = ModuleSpec(
        name=name,
        image=with_tag(module.settings.image),
        env={key: env_text(entry.value) for key, entry in module.env.items()},
        create_options=options,
        image_pull_policy=module.image_pull_policy,
    )
    if not isinstance(module, EdgeHubModule):
        return spec
    return replace(
        spec,
        status=module.status,
        restart_policy=module.restart_policy,
        startup_order=module.startup_order,
        version=module.version if isinstance(module, UserModule) else "",
    )


def _read(
    name: str, group: str, plain: object
) -> tuple[UserModule | EdgeAgentModule | EdgeHubModule, dict[str, Any]]:
    """A module and its createOptions. Raises ValidationError, CreateOptionsError."""
    model = UserModule if group == "modules" else EdgeAgentModule if name == "edgeAgent" else EdgeHubModule
    module = model.model_validate(plain)
    return module, create_options.join(plain["settings"] if isinstance(plain, dict) else {})


def env_text(value: object) -> str:
    """An environment value as text: numbers and true/false as JSON writes them, null as nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
