"""What a deployment says: its `modulesContent`, and the desired sections that it amounts to (spec E.7, E.8). Pure.

`Sections` maps a module (`$edgeAgent`, `$edgeHub`, custom ones) to its desired properties.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from edge_runtime.manifest import create_options

AGENT, HUB = "$edgeAgent", "$edgeHub"
DESIRED = "properties.desired"
Sections = dict[str, dict[str, Any]]
ModulesContent = Mapping[str, Mapping[str, Any]]


def modules_of(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The custom modules that `$edgeAgent` is to run."""
    modules = sections.get(AGENT, {}).get("modules")
    return modules if isinstance(modules, dict) else {}


def system_modules_of(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`edgeAgent` and `edgeHub`."""
    modules = sections.get(AGENT, {}).get("systemModules")
    return modules if isinstance(modules, dict) else {}


def lay(content: ModulesContent, below: Mapping[str, Mapping[str, Any]]) -> Sections:
    """Put content on top of sections: a whole section replaces, `properties.desired.PATH` replaces what is there."""
    laid: Sections = {module: copy.deepcopy(dict(section)) for module, section in below.items()}
    for module, keys in content.items():
        # The whole section comes first, whatever the order in the document.
        for key in sorted(keys):
            value = copy.deepcopy(keys[key])
            if key == DESIRED:
                laid[module] = value
                continue
            *path, last = key.removeprefix(f"{DESIRED}.").split(".")
            section = laid.setdefault(module, {})
            for name in path:
                inner = section.get(name)
                section[name] = section = inner if isinstance(inner, dict) else {}
            section[last] = value
    return laid


def as_content(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The `modulesContent` that sets these sections as a whole."""
    return {module: {DESIRED: copy.deepcopy(dict(section))} for module, section in sections.items()}


def as_layer(content: ModulesContent) -> dict[str, Any]:
    """A layer that adds the modules and routes of this content to a base deployment.

    The runtime's settings and the system modules stay the base's (spec E.8).
    """
    sections = lay(content, {})
    modules, routes = modules_of(sections), sections.get(HUB, {}).get("routes") or {}
    layer: dict[str, Any] = {}
    if modules:
        layer[AGENT] = {f"{DESIRED}.modules.{name}": module for name, module in modules.items()}
    if routes:
        layer[HUB] = {f"{DESIRED}.routes.{name}": route for name, route in routes.items()}
    custom = {module: keys for module, keys in content.items() if module not in (AGENT, HUB)}
    return {**layer, **copy.deepcopy({module: dict(keys) for module, keys in custom.items()})}


def is_layer(content: ModulesContent) -> bool:
    """Whether it needs a base deployment below it."""
    return not system_modules_of(lay(content, {}))


def without_blanks(section: Mapping[str, Any]) -> dict[str, Any]:
    """Desired properties without what IoT Hub adds (`$version`, `$metadata`) at the top."""
    return {name: value for name, value in section.items() if name not in ("$version", "$metadata")}


def comparable(sections: Mapping[str, Mapping[str, Any]]) -> Sections:
    """The same with createOptions as objects, so that another way to cut or write them is no difference."""
    plain: Sections = {module: copy.deepcopy(dict(section)) for module, section in sections.items()}
    for entry in (*modules_of(plain).values(), *system_modules_of(plain).values()):
        if isinstance(entry, dict) and isinstance(entry.get("settings"), dict):
            entry["settings"] = _with_options_joined(entry["settings"])
    return plain


def fingerprint(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """16 hexadecimal digits; equal for sections that `comparable` calls equal."""
    text = json.dumps(comparable(sections), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def deployed(sections: Mapping[str, Mapping[str, Any]]) -> Sections:
    """The sections of `$edgeAgent`, `$edgeHub` and the modules that are to run, without those of others."""
    return only(sections, (AGENT, HUB, *modules_of(sections)))


def only(sections: Mapping[str, Mapping[str, Any]], modules: Iterable[str]) -> Sections:
    """The sections of these modules, as far as there are."""
    return {module: dict(sections[module]) for module in modules if module in sections}


def _with_options_joined(settings: Mapping[str, Any]) -> dict[str, Any]:
    try:
        options = create_options.join(settings)
    except create_options.CreateOptionsError:
        return dict(settings)
    rest = {name: value for name, value in settings.items() if not create_options.is_piece(name)}
    return {**rest, "createOptions": options}
