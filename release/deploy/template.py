"""From a template or manifest to what is deployed: expanded strictly, checked, its images pinned."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_runtime.manifest import Manifest, ManifestError, Problem, Severity, load
from edge_runtime.manifest.check import check
from release.deploy.content import AGENT, DESIRED
from release.deploy.environment import Environment
from release.deploy.pinning import pin, read_images


@dataclass(frozen=True, slots=True)
class Prepared:
    """`content` is the `modulesContent` to deploy; it holds credentials. `problems` are the doctor's findings.

    `layered`: the file is one of a layer. With errors among the problems nothing may be deployed.
    """

    file: Path
    platform: str
    content: dict[str, Any] = field(repr=False)
    variables: dict[str, str] = field(repr=False)
    problems: Sequence[Problem] = ()
    layered: bool = False

    @property
    def errors(self) -> list[Problem]:
        """What forbids the deployment."""
        return [problem for problem in self.problems if problem.severity is Severity.ERROR]


def prepare(file: Path, environment: Environment, platform: str | None, images: Path | None) -> Prepared:
    """Raises ManifestError when the file is no manifest, UsageError when the images cannot be pinned."""
    manifest = load(
        file, environment=environment.process, platform=platform, env_file=environment.file, strict=False
    )
    problems = check(manifest)
    if any(problem.severity is Severity.ERROR for problem in problems):
        return Prepared(file, manifest.platform, {}, {}, problems, manifest.layered)
    content = copy.deepcopy(manifest.modules_content)
    if images is not None:
        _pin(content, manifest, images)
    values = dict(manifest.variables.values)
    return Prepared(file, manifest.platform, content, values, problems, manifest.layered)


def _pin(content: dict[str, Any], manifest: Manifest, images: Path) -> None:
    for module, image in pin(manifest, read_images(images, manifest.platform), images).items():
        for key, value in content[AGENT].items():
            entry = _module(key, value, module)
            if entry is not None:
                entry["settings"]["image"] = image


def _module(key: str, value: Any, module: str) -> Any:
    """The entry of a module under `properties.desired`, or under a dotted path of a layer."""
    tree: dict[str, Any] = {}
    inner = tree
    *path, last = key.split(".")
    for name in path:
        inner = inner.setdefault(name, {})
    inner[last] = value
    found: Any = tree
    for name in (*DESIRED.split("."), "modules", module):
        found = found.get(name) if isinstance(found, dict) else None
    return found


__all__ = ["ManifestError", "Prepared", "prepare"]
