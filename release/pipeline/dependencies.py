"""The packages that a lock file or a bill of materials names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from release.pipeline.advisories import Dependency

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*])?==([^\s;\\]+)", re.MULTILINE)


class UnreadableError(Exception):
    """The file is neither a lock file nor a bill of materials."""


def read(file: Path) -> list[Dependency]:
    """The packages of a lock file (pins) or of a CycloneDX document (`.json`). Raises UnreadableError, OSError."""
    text = file.read_text()
    if file.suffix == ".json":
        try:
            components = json.loads(text)["components"]
        except (ValueError, KeyError, TypeError):
            raise UnreadableError(f"{file}: no CycloneDX document") from None
        found = list(_packages(components))
    else:
        found = [Dependency("PyPI", _canonical(name), version) for name, version in _PIN.findall(text)]
    if not found:
        raise UnreadableError(f"{file}: names no package: a lock file has lines like `name==1.2`")
    return sorted(set(found))


def _packages(components: list[dict[str, Any]]) -> Iterator[Dependency]:
    for component in components:
        if not (purl := component.get("purl")):
            continue
        url = PackageURL.from_string(purl)
        if url.type == "pypi":
            yield Dependency("PyPI", _canonical(url.name), url.version or "")
        elif url.type == "deb":
            # advisories are filed under the source, whose version may differ from the binary's
            source, _, version = url.qualifiers.get("upstream", url.name).partition("@")
            release = url.qualifiers.get("distro", "").rpartition("-")[2]
            yield Dependency(f"Debian:{release}", source, version or url.version or "")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
