"""What expansion leaves behind: placeholders as text, and values that JSON reads in its own way."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_runtime.manifest import rules
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem

_PLACEHOLDER = re.compile(r"\$\{MODULE(?:S\.|DIR<)[^\"\s}]*\}?")
_VARIABLE = re.compile(r"\$\{[A-Za-z_]\w*\}", re.ASCII)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TRAP = re.compile(r'(?:\\\\|\\")+|(?P<trap>["\\])')


def check_leftovers(manifest: Manifest) -> Iterator[Problem]:
    """Findings at what the tools would leave in the manifest, or change on the way into it."""
    yield from _placeholders(manifest)
    if manifest.is_template:
        yield from _changed(manifest)
    else:
        yield from _variables(manifest)


def _placeholders(manifest: Manifest) -> Iterator[Problem]:
    images = [
        image
        for group in ("modules", "systemModules")
        for name in manifest.agent(group)
        if (image := manifest.agent(group, name, "settings").get("image")) is not None
    ]
    for match in _PLACEHOLDER.finditer(manifest.file.expansion.text):
        if not any(image.start <= match.start() < image.end for image in images):
            what = f"the placeholder {match[0]!r} stays in the manifest as text here"
            yield manifest.file.problem(rules.PLACEHOLDER_LITERAL, match.start(), what)


def _changed(manifest: Manifest) -> Iterator[Problem]:
    text = manifest.file.expansion.text
    inside = [match.span() for match in _STRING.finditer(text)]
    for reference in manifest.file.expansion.replaced:
        value = manifest.variables.values[reference.name]
        sign = next((match["trap"] for match in _TRAP.finditer(value) if match["trap"]), None)
        if sign and any(start < reference.expanded < end for start, end in inside):
            kind = "quote" if sign == '"' else "back-slash"
            what = f"the value of {reference.name} holds a {kind}, which JSON does not take as it is"
            yield manifest.file.problem(rules.VARIABLE_CHANGES_JSON, reference.expanded, what)


def _variables(manifest: Manifest) -> Iterator[Problem]:
    for name in manifest.agent("modules"):
        nodes = [*manifest.agent("modules", name, "env").values()]
        image = manifest.agent("modules", name, "settings").get("image")
        yield from _left(manifest, nodes + ([image] if image else []))
    for name in manifest.content.modules.members:
        if not name.startswith("$"):
            yield from _left(manifest, [manifest.content.modules.members[name]])


def _left(manifest: Manifest, nodes: list[Node]) -> Iterator[Problem]:
    for node in nodes:
        if node.text is not None and (match := _VARIABLE.search(node.text)):
            offset = manifest.file.offset_inside(node, match.start())
            what = f"{match[0]} is still there"
            yield manifest.file.problem(rules.VARIABLE_LEFT, offset, what)
        inside = node.value if isinstance(node.value, list) else [*node.members.values()]
        yield from _left(manifest, inside)
