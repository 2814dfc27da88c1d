"""Where iotedgedev and VS Code make two deployments of one solution (spec F.4, G.33).

Told by `check` alone: a local run takes the environment's values knowingly.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_runtime.manifest import rules
from edge_runtime.manifest.env_file import entries
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem
from edge_runtime.manifest.variables import references

_RESERVED = ("upstream", "edgeHub", "edgeAgent")


def check_tool_differences(manifest: Manifest) -> Iterator[Problem]:
    """Findings in the `.env` files, and at reserved names in the template."""
    if not manifest.is_template:
        return
    used = {reference.name for reference in manifest.file.expansion.replaced}
    modules = {source.folder for source in manifest.sources.all()}
    named = {folder: _named_in(folder / "module.json") for folder in sorted(modules)}
    for name, line in manifest.variables.overridden.items():
        file = manifest.variables.file
        if file is not None and (name in used or any(name in names for names in named.values())):
            what = f"the environment gives {name} another value than this file"
            yield Problem(rules.VARIABLE_PRECEDENCE, file, line, 1, what, f"unset {name} in one of the two")
    for folder, names in named.items():
        yield from _module_env(manifest, folder / ".env", names)
    yield from _reserved(manifest)


def _named_in(file: Path) -> set[str]:
    return set(references(file.read_text(encoding="utf-8"))) if file.is_file() else set()


def _module_env(manifest: Manifest, file: Path, names: set[str]) -> Iterator[Problem]:
    for name, value, line in entries(file) if file.is_file() else ():
        if name in names and value != manifest.variables.values.get(name):
            what = f"{name} has another value here, which only VS Code reads"
            yield Problem(rules.VARIABLE_MODULE_ENV, file, line, 1, what, rules.VARIABLE_MODULE_ENV.mend)


def _reserved(manifest: Manifest) -> Iterator[Problem]:
    for name in _RESERVED:
        offset = manifest.file.expansion.text.find(f"${name}")
        if name in manifest.variables.values and offset >= 0:
            what = f"a variable {name} has a value: iotedgedev writes it in place of ${name}"
            yield manifest.file.problem(rules.VARIABLE_RESERVED, offset, what)
