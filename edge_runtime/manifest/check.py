"""The doctor: everything that can be said of a deployment before it runs.

What `load` finds by itself (variables, placeholders, schema, createOptions, module.json) plus what needs
the routes and the whole solution. The catalogues of findings are rules.py and route_rules.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge_runtime.manifest import rules
from edge_runtime.manifest.images import check_images
from edge_runtime.manifest.leftovers import check_leftovers
from edge_runtime.manifest.limits import check_limits
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.ports import check_ports
from edge_runtime.manifest.problem import Problem
from edge_runtime.manifest.route_check import check_routes
from edge_runtime.manifest.secret_check import check_secrets
from edge_runtime.manifest.twin_check import check_template_version, check_twins


def check(manifest: Manifest, *, device_id: str = "edge") -> list[Problem]:
    """All findings, in the order of file and line. `device_id` only matters to the routes' endpoints."""
    found = {*manifest.problems, *check_routes(manifest, device_id), *check_limits(manifest)}
    found |= {*check_images(manifest), *check_ports(manifest), *check_twins(manifest)}
    found |= {*check_template_version(manifest), *_environment(manifest)}
    found |= {*check_secrets(manifest), *check_leftovers(manifest)}
    return in_order(manifest, found)


def in_order(manifest: Manifest, found: set[Problem]) -> list[Problem]:
    """By file, the manifest first, then by place."""
    return sorted(found, key=lambda p: (p.file != manifest.path, p.file, p.line, p.column, p.what))


def _environment(manifest: Manifest) -> Iterator[Problem]:
    for group in ("modules", "systemModules"):
        for module in manifest.agent(group):
            for name, node in manifest.agent(group, module, "env").items():
                if name.startswith("IOTEDGE_") and node.key is not None:
                    what = f"{module}: {name} is set by the agent, which overrides this value"
                    yield manifest.file.problem(rules.ENV_AGENT, node.key, what)
