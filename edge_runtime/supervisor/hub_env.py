"""edgeHub's `env` in the manifest: what of it goes to the hub process, and how."""

from __future__ import annotations

from typing import NamedTuple

from edge_runtime.hub.settings import read
from edge_runtime.manifest import Manifest

_LOG_LEVEL = "RuntimeLogLevel"


class HubEnv(NamedTuple):
    """`variables` are for the process's environment, `settings` for hub.json; `warnings` tell what has no effect."""

    variables: dict[str, str]
    settings: dict[str, int]
    warnings: list[str]


def hub_env(manifest: Manifest) -> HubEnv:
    env = next((spec.env for spec in manifest.system_modules if spec.name == "edgeHub"), {})
    variables = {name: value for name, value in env.items() if name == _LOG_LEVEL}
    settings, warnings = read({name: value for name, value in env.items() if name != _LOG_LEVEL})
    return HubEnv(variables, settings, warnings)
