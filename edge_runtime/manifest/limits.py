"""Limits of IoT Hub and IoT Edge that a manifest can break (spec F.8, C.10)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem, Severity

SECTION_BYTES = 32 * 1024
VALUE_BYTES = 4 * 1024
NAME_BYTES = 1024
DEPTH = 10
MODULES = 50


def check_limits(manifest: Manifest) -> Iterator[Problem]:
    """Findings on sizes and counts, and on a time to live that lets nothing live."""
    for module in manifest.content.modules.members:
        desired = manifest.content.desired(module)
        if desired is None:
            continue
        size = len(json.dumps(desired.plain(), separators=(",", ":"), ensure_ascii=False).encode())
        if size > SECTION_BYTES:
            what = f"{module}: the desired properties have {size} bytes, IoT Hub takes {SECTION_BYTES}"
            yield manifest.file.problem(desired.start, what, "shorten or move parts to env files or images")
        yield from _values(manifest, module, desired, 1)
    agent = manifest.content.desired("$edgeAgent")
    modules = agent.get("modules") if agent else None
    if modules and len(modules.members) > MODULES:
        what = f"{len(modules.members)} modules, a deployment may have {MODULES}"
        yield manifest.file.problem(modules.start, what, "split the solution over more devices")
    yield from _time_to_live(manifest)


def _values(manifest: Manifest, module: str, node: Node, depth: int) -> Iterator[Problem]:
    if depth > DEPTH:
        what = f"{module}: desired properties are nested deeper than {DEPTH} levels"
        yield manifest.file.problem(node.start, what, "flatten them")
        return
    for name, member in node.members.items():
        if len(name.encode()) > NAME_BYTES and member.key is not None:
            what = f"{module}: a property's name has more than {NAME_BYTES} bytes"
            yield manifest.file.problem(member.key, what, "shorten the name")
        if member.text is not None and len(member.text.encode()) > VALUE_BYTES:
            what = f"{module}: {name!r} has more than {VALUE_BYTES} bytes"
            yield manifest.file.problem(member.start, what, "shorten the value")
        if member.members:
            yield from _values(manifest, module, member, depth + 1)


def _time_to_live(manifest: Manifest) -> Iterator[Problem]:
    hub = manifest.content.desired("$edgeHub")
    node = hub.get("storeAndForwardConfiguration", "timeToLiveSecs") if hub else None
    if node is not None and node.value == 0:
        mend = "give seconds, such as 7200, or -1 for ever"
        yield manifest.file.problem(
            node.start, "with timeToLiveSecs 0 every message expires at once", mend, Severity.WARNING
        )
