"""The solution's files: manifests, module.json, `.env` and Dockerfiles. Reads files, changes nothing.

load(path, environment=os.environ) -> Manifest     template or generated manifest
Manifest.modules, .modules_content, .problems, .find_source(image)
dockerfile.read(source.dockerfile, source.context) -> ImageRecipe
check.check(manifest) -> findings that need the routes and the whole solution
"""

from __future__ import annotations

from edge_runtime.manifest.manifest import Manifest, load
from edge_runtime.manifest.modules import ModuleSpec
from edge_runtime.manifest.problem import ManifestError, Problem, Severity
from edge_runtime.manifest.source import ModuleSource

__all__ = ["Manifest", "ManifestError", "ModuleSource", "ModuleSpec", "Problem", "Severity", "load"]
