"""The doctor: everything that can be said of a deployment before it runs.

What `load` finds by itself (variables, placeholders, schema, createOptions, module.json) plus what needs
the routes and the whole solution.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_runtime.manifest import dockerfile
from edge_runtime.manifest.limits import check_limits
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem, Severity
from edge_runtime.manifest.route_check import check_routes

_SECRET = re.compile(r"SharedAccessKey=[^;$]|AccountKey=[^;$]|://[^/\s:@$]+:[^/\s@$]+@")


def check(manifest: Manifest, *, device_id: str = "edge") -> list[Problem]:
    """All findings, in the order of file and line. `device_id` only matters to the routes' endpoints."""
    found = {*manifest.problems, *check_routes(manifest, device_id), *check_limits(manifest)}
    found |= {*_images(manifest), *_twins(manifest), *_environment(manifest)}
    found |= {*_credentials(manifest), *_secrets(manifest)}
    return sorted(found, key=lambda p: (p.file != manifest.path, p.file, p.line, p.column, p.what))


def _agent(manifest: Manifest, *path: str) -> dict[str, Node]:
    desired = manifest.content.desired("$edgeAgent")
    node = desired.get(*path) if desired else None
    return node.members if node else {}


def _images(manifest: Manifest) -> Iterator[Problem]:
    for spec in manifest.modules:
        source = manifest.find_source(spec.image)
        image = _agent(manifest, "modules", spec.name, "settings").get("image")
        if source is None or image is None or not source.dockerfile.is_file():
            continue
        if source.image != spec.image:
            what = f"{spec.name}: the manifest names {spec.image}, the sources are {source.image}"
            mend = "generate the manifest again, or mind that a local run takes the sources"
            yield manifest.file.problem(image.start, what, mend, Severity.WARNING)
        try:
            dockerfile.read(source.dockerfile, source.context, source.build_arguments)
        except dockerfile.DockerfileError as error:
            yield Problem(Severity.ERROR, error.file, error.line, 1, error.what, error.mend)


def _twins(manifest: Manifest) -> Iterator[Problem]:
    deployed = {"$edgeAgent", "$edgeHub", *_agent(manifest, "modules")}
    for name, node in manifest.content.modules.members.items():
        if name not in deployed and not manifest.layered:
            what = f"desired properties of {name!r}, which is not deployed"
            mend = "add the module to $edgeAgent's modules, or remove this"
            yield manifest.file.problem(
                node.start if node.key is None else node.key, what, mend, Severity.WARNING
            )


def _environment(manifest: Manifest) -> Iterator[Problem]:
    for group in ("modules", "systemModules"):
        for module in _agent(manifest, group):
            for name, node in _agent(manifest, group, module, "env").items():
                if name.startswith("IOTEDGE_") and node.key is not None:
                    what = f"{module}: {name} is set by the agent, which overrides this value"
                    yield manifest.file.problem(node.key, what, "remove it", Severity.WARNING)


def _credentials(manifest: Manifest) -> Iterator[Problem]:
    """Blank credentials make edgeAgent refuse the whole deployment."""
    for registry in _agent(manifest, "runtime", "settings", "registryCredentials").values():
        for name, node in registry.members.items():
            if node.text is not None and not node.text.strip():
                what = f"the registry's {name} is blank: edgeAgent refuses the whole deployment"
                mend = "give any value (a registry without login ignores it), or remove the registry"
                yield manifest.file.problem(node.start, what, mend)
            elif name == "password" and manifest.is_template and _written_out(manifest, node):
                what = "the registry's password is written out"
                mend = "write $CONTAINER_REGISTRY_PASSWORD and put the value into .env"
                yield manifest.file.problem(node.start, what, mend)


def _secrets(manifest: Manifest) -> Iterator[Problem]:
    """Keys and passwords in a template, which is a file to be shared; a generated manifest is not."""
    if not manifest.is_template:
        return
    for match in _SECRET.finditer(manifest.file.expansion.source):
        line = manifest.file.expansion.source.count("\n", 0, match.start()) + 1
        column = match.start() - manifest.file.expansion.source.rfind("\n", 0, match.start())
        mend = "put the value into .env and write ${NAME} here"
        yield Problem(Severity.ERROR, manifest.path, line, column, "a secret is written out", mend)


def _written_out(manifest: Manifest, node: Node) -> bool:
    filled_in = manifest.file.expansion.variable_at(node.start + 1) is not None
    return not filled_in and not str(node.value).startswith("$")
