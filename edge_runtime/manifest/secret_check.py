"""Secrets that stand in a file as they are. No finding ever shows one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_runtime.manifest import rules
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem

_SECRET = re.compile(
    r"(?P<key>SharedAccessKey=[^;$\"\s]|AccountKey=[^;$\"\s])"
    r"|(?P<token>SharedAccessSignature\s+s[ri][a-z]*=[^$\"])"
    r"|(?P<sas>[?&]sig=[A-Za-z0-9%+/=_-]{16,})"
    r"|(?P<login>://[^/\s:@$\"]+:[^/\s@$\"]+@)"
    r"|(?P<private>-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----)"
)
_KINDS = {
    "key": "a shared access key",
    "token": "a shared access signature",
    "sas": "a SAS url with its signature",
    "login": "a url with its password",
    "private": "a private key",
}
SECRET_NAME = re.compile(
    r"(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CONNECTION_?STRING)$", re.IGNORECASE
)
"""Names of settings and variables whose values are secrets."""


def check_secrets(manifest: Manifest) -> Iterator[Problem]:
    """Findings at keys, signatures, passwords and private keys that are written out."""
    registries = manifest.agent("runtime", "settings").get("registryCredentials")
    for registry in registries.members.values() if registries else ():
        yield from _registry(manifest, registry)
    yield from _patterns(manifest, registries)
    if manifest.is_template:
        yield from _named(manifest)


def _registry(manifest: Manifest, registry: Node) -> Iterator[Problem]:
    for name, node in registry.members.items():
        if node.text is not None and not node.text.strip():
            what = f"the registry's {name} is blank: edgeAgent refuses the whole deployment"
            yield manifest.file.problem(rules.REGISTRY_BLANK, node.start, what)
        elif name == "password" and manifest.is_template and _written_out(manifest, node):
            what = "the registry's password is written out"
            yield manifest.file.problem(rules.REGISTRY_PASSWORD, node.start, what)


def _patterns(manifest: Manifest, registries: Node | None) -> Iterator[Problem]:
    """In a template as it is written, before variables; in a generated manifest outside the registries."""
    expansion = manifest.file.expansion
    rule = rules.SECRET_IN_TEMPLATE if manifest.is_template else rules.SECRET_IN_MANIFEST
    for match in _SECRET.finditer(expansion.source):
        known = registries is not None and not manifest.is_template
        if known and registries and registries.start <= match.start() < registries.end:
            continue
        line = expansion.source.count("\n", 0, match.start()) + 1
        column = match.start() - expansion.source.rfind("\n", 0, match.start())
        what = f"{_KINDS[str(match.lastgroup)]} is written out: a secret"
        yield Problem(rule, manifest.path, line, column, what, rule.mend)


def _named(manifest: Manifest) -> Iterator[Problem]:
    for group in ("modules", "systemModules"):
        for module in manifest.agent(group):
            for name, node in manifest.agent(group, module, "env").items():
                value = node.get("value")
                if value is not None:
                    yield from _by_name(manifest, f"{module}: {name}", name, value)
    for module, twin in manifest.content.modules.members.items():
        if not module.startswith("$"):
            yield from _in_twin(manifest, module, twin)


def _in_twin(manifest: Manifest, module: str, node: Node) -> Iterator[Problem]:
    for name, member in node.members.items():
        yield from _by_name(manifest, f"{module}: {name}", name, member)
        yield from _in_twin(manifest, module, member)


def _by_name(manifest: Manifest, told: str, name: str, node: Node) -> Iterator[Problem]:
    if not SECRET_NAME.search(name) or not node.text or _SECRET.search(node.text):
        return
    if _written_out(manifest, node):
        what = f"{told} looks like a secret, and its value is written out"
        yield manifest.file.problem(rules.SECRET_BY_NAME, node.start, what)


def _written_out(manifest: Manifest, node: Node) -> bool:
    filled_in = manifest.file.expansion.variable_at(node.start + 1) is not None
    return not filled_in and not str(node.value).startswith("$")
