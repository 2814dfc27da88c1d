"""The twins of a manifest as a whole, and the version that a template says it has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_runtime.manifest import rules
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem

# Template schema to the newest $edgeAgent and $edgeHub schemas it describes (spec F.5).
_NEWEST = {"1.0.0": ("1.0", "1.0"), "2.0.0": ("1.1", "1.1"), "3.0.0": ("1.1", "1.1"), "4.0.0": ("", "")}
_MOST_RECENT = "4.0.0"
_OLD = "0.0.1"  # only makes the tools leave the platform out of the manifest's name


def check_twins(manifest: Manifest) -> Iterator[Problem]:
    """Findings at members of modulesContent."""
    deployed = {"$edgeAgent", "$edgeHub", *manifest.agent("modules")}
    for name, node in manifest.content.modules.members.items():
        if name not in deployed and not manifest.layered:
            what = f"desired properties of {name!r}, which is not deployed"
            yield manifest.file.problem(rules.TWIN_UNKNOWN_MODULE, _key(node), what)
        if not isinstance(node.value, dict):
            what = f"{name!r} is no object"
            yield manifest.file.problem(
                rules.SCHEMA_VALUE, node.start, what, 'write {"properties.desired": {...}}'
            )
        for section, desired in node.members.items():
            yield from _section(manifest, section, desired)


def _section(manifest: Manifest, section: str, desired: Node) -> Iterator[Problem]:
    if re.fullmatch(r"properties\.desired(?:\..+)?", section) is None:
        mend = "write 'properties.desired'"
        yield manifest.file.problem(
            rules.SCHEMA_UNKNOWN, _key(desired), f"{section!r} is not known here", mend
        )
    elif section == "properties.desired" and not isinstance(desired.value, dict):
        what = "'properties.desired' is no object"
        yield manifest.file.problem(rules.SCHEMA_VALUE, desired.start, what, "write {...}")


def check_template_version(manifest: Manifest) -> Iterator[Problem]:
    """Findings at `$schema-template`."""
    node = manifest.file.root.get("$schema-template")
    if node is None or node.value == _OLD:
        return
    newest = _NEWEST.get(str(node.value))
    if newest is None:
        what = f"the template schema {node.value!r} is not known"
        yield manifest.file.problem(rules.SCHEMA_TEMPLATE, node.start, what)
        return
    for module, limit in zip(("$edgeAgent", "$edgeHub"), newest, strict=True):
        desired = manifest.content.desired(module)
        version = desired.get("schemaVersion") if desired else None
        if limit and version is not None and _minor(str(version.value)) > _minor(limit):
            what = (
                f"the template schema {node.value} has {module} {limit} at most, here it is {version.value}"
            )
            yield manifest.file.problem(rules.SCHEMA_TEMPLATE, node.start, what, f'write "{_MOST_RECENT}"')


def _minor(version: str) -> int:
    match = re.match(r"1\.(\d+)", version)
    return int(match[1]) if match else 0


def _key(node: Node) -> int:
    return node.start if node.key is None else node.key
