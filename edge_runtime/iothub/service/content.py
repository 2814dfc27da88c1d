"""Deployment content, from what callers send to whole desired sections (spec E.7)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from edge_runtime.iothub.service.errors import InvalidRequestError
from edge_runtime.iothub.service.registry import SYSTEM_MODULES

DESIRED = "properties.desired"
Sections = dict[str, dict[str, Any]]
"""Module -> its desired properties."""


def modules_content(content: Any) -> Mapping[str, Mapping[str, Any]]:
    """The `modulesContent` of a ConfigurationContent, its shape checked. Raises InvalidRequestError."""
    modules = content.get("modulesContent") if isinstance(content, dict) else None
    if not isinstance(modules, dict) or not modules:
        raise InvalidRequestError("the content has no modulesContent object")
    for module, keys in modules.items():
        if not isinstance(keys, dict) or not keys:
            raise InvalidRequestError(f"modulesContent.{module}: expected properties.desired")
        for key, value in keys.items():
            if key == DESIRED and isinstance(value, dict):
                continue
            if not key.startswith(f"{DESIRED}.") or not all(_path(key)):
                raise InvalidRequestError(
                    f"modulesContent.{module}: {key!r} is neither {DESIRED} with an object nor {DESIRED}.PATH"
                )
    return modules


def lay(modules: Mapping[str, Mapping[str, Any]], sections: Sections) -> Sections:
    """Put content on top of `sections`: a whole section replaces, a path replaces what stands at it."""
    laid = copy.deepcopy(sections)
    for module, keys in modules.items():
        # The whole section first, whatever the order in the document.
        for key in sorted(keys):
            value = copy.deepcopy(keys[key])
            if key == DESIRED:
                laid[module] = value
            else:
                _set(laid.setdefault(module, {}), _path(key), value, f"modulesContent.{module}.{key}")
    return laid


def deployment(sections: Sections, known: Iterable[str]) -> dict[str, Any]:
    """The manifest's form of these sections, for the runtime. `known` are the modules that exist anyway.

    Raises InvalidRequestError for a module that would have no identity.
    """
    agent = sections["$edgeAgent"].get("modules", {})
    named = {*SYSTEM_MODULES, *known, *(agent if isinstance(agent, dict) else ())}
    for module in sections:
        if module not in named:
            raise InvalidRequestError(f"modulesContent.{module}: $edgeAgent names no such module")
    return {module: {DESIRED: section} for module, section in sections.items()}


def _path(key: str) -> list[str]:
    return key.removeprefix(f"{DESIRED}.").split(".")


def _set(section: dict[str, Any], path: list[str], value: Any, where: str) -> None:
    for name in path[:-1]:
        inner = section.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InvalidRequestError(f"{where}: {name} is no object")
        section = inner
    section[path[-1]] = value
