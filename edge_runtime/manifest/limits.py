"""Limits of IoT Hub and IoT Edge that a manifest can break (spec F.8, B.7, C.10)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from edge_runtime.manifest import route_rules, rules
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem

SECTION_BYTES = 32 * 1024
VALUE_BYTES = 4 * 1024
NAME_BYTES = 1024
DEPTH = 10
MODULES = 50
MANIFEST_BYTES = 256 * 1024
_BAD_NAME = re.compile(r"[\s\x00-\x1f\x7f.$#]")


def check_limits(manifest: Manifest) -> Iterator[Problem]:
    """Findings on sizes, counts and names, and on a time to live that lets nothing live."""
    for module in manifest.content.modules.members:
        desired = manifest.content.desired(module)
        if desired is None:
            continue
        size = _bytes(desired.plain())
        if size > SECTION_BYTES:
            what = f"{module}: the desired properties have {size} bytes, IoT Hub takes {SECTION_BYTES}"
            yield manifest.file.problem(rules.TWIN_SIZE, desired.start, what)
        yield from _values(manifest, module, desired, 1)
    modules = _modules(manifest)
    if modules and len(modules.members) > MODULES:
        what = f"{len(modules.members)} modules, a deployment may have {MODULES}"
        yield manifest.file.problem(rules.MODULE_COUNT, modules.start, what)
    size = _bytes(manifest.document)
    if size > MANIFEST_BYTES:
        what = f"the manifest has {size} bytes, which is above {MANIFEST_BYTES}"
        yield manifest.file.problem(rules.MANIFEST_SIZE, manifest.content.modules.start, what)
    yield from _time_to_live(manifest)


def _bytes(document: object) -> int:
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))


def _modules(manifest: Manifest) -> Node | None:
    agent = manifest.content.desired("$edgeAgent")
    return agent.get("modules") if agent else None


def _values(manifest: Manifest, module: str, node: Node, depth: int) -> Iterator[Problem]:
    if depth > DEPTH:
        what = f"{module}: desired properties are nested deeper than {DEPTH} levels"
        yield manifest.file.problem(rules.TWIN_DEPTH, node.start, what)
        return
    for name, member in node.members.items():
        yield from _name(manifest, module, name, member)
        yield from _value(manifest, module, f"{name!r}", member, depth)


def _name(manifest: Manifest, module: str, name: str, member: Node) -> Iterator[Problem]:
    at = member.start if member.key is None else member.key
    if len(name.encode("utf-8", "replace")) > NAME_BYTES:
        what = f"{module}: a property's name has more than {NAME_BYTES} bytes"
        yield manifest.file.problem(rules.TWIN_NAME, at, what, "shorten the name")
    elif not module.startswith("$") and (bad := _BAD_NAME.search(name)):
        what = f"{module}: the property's name {name!r} holds {bad[0]!r}"
        yield manifest.file.problem(rules.TWIN_NAME, at, what, "leave out blanks and . $ #")


def _value(manifest: Manifest, module: str, told: str, node: Node, depth: int) -> Iterator[Problem]:
    if node.text is not None and len(node.text.encode("utf-8", "replace")) > VALUE_BYTES:
        what = f"{module}: {told} has more than {VALUE_BYTES} bytes"
        yield manifest.file.problem(rules.TWIN_VALUE, node.start, what, "shorten the value")
    if node.members:
        yield from _values(manifest, module, node, depth + 1)
    for item in node.value if isinstance(node.value, list) else ():
        if item.value is None:
            what = f"{module}: the list {told} holds null"
            yield manifest.file.problem(rules.TWIN_VALUE, item.start, what, "leave it out")
        yield from _value(manifest, module, told, item, depth)


def _time_to_live(manifest: Manifest) -> Iterator[Problem]:
    hub = manifest.content.desired("$edgeHub")
    node = hub.get("storeAndForwardConfiguration", "timeToLiveSecs") if hub else None
    if node is not None and node.value == 0 and not isinstance(node.value, bool):
        what = "with timeToLiveSecs 0 every message expires at once"
        yield manifest.file.problem(route_rules.HUB_TIME_TO_LIVE, node.start, what)
