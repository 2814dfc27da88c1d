"""Images of a manifest: their names, tags and Dockerfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from edge_runtime.manifest import dockerfile, rules
from edge_runtime.manifest.located_json import JsonSyntaxError, Node, read
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.problem import Problem
from edge_runtime.manifest.source import with_tag

_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::(?P<tag>\w[\w.-]{{0,127}}))?(?P<digest>@[a-z0-9]+:[0-9a-f]{{32,}})?",
    re.ASCII,
)


def check_images(manifest: Manifest) -> Iterator[Problem]:
    """Findings at the `image` of modules and system modules, and in the Dockerfiles of the solution."""
    for group in ("modules", "systemModules"):
        for name in manifest.agent(group):
            image = manifest.agent(group, name, "settings").get("image")
            if image is not None and image.text and "$" not in image.text:
                yield from _name(manifest, name, image, image.text)
    yield from _sources(manifest)
    yield from _shared(manifest)
    yield from _reused(manifest)


def _name(manifest: Manifest, module: str, image: Node, text: str) -> Iterator[Problem]:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        what = f"{module}: {text!r} is no name of an image"
        yield manifest.file.problem(rules.IMAGE_REFERENCE, image.start, what)
    elif not match["digest"] and match["tag"] in {None, "latest"}:
        what = f"{module}: the image {text} has {'the tag latest' if match['tag'] else 'no tag'}"
        yield manifest.file.problem(rules.IMAGE_TAG_MOVES, image.start, what)


def _sources(manifest: Manifest) -> Iterator[Problem]:
    for spec in manifest.modules:
        source = manifest.find_source(spec.image)
        image = manifest.agent("modules", spec.name, "settings").get("image")
        if source is None or image is None or not source.dockerfile.is_file():
            continue
        if source.image != spec.image:
            what = f"{spec.name}: the manifest names {spec.image}, the sources are {source.image}"
            yield manifest.file.problem(rules.IMAGE_TAG_OLD, image.start, what)
        try:
            dockerfile.read(source.dockerfile, source.context, source.build_arguments)
        except dockerfile.DockerfileError as error:
            yield Problem(rules.DOCKERFILE_START, error.file, error.line, 1, error.what, error.mend)


def _shared(manifest: Manifest) -> Iterator[Problem]:
    folders: dict[str, set[Path]] = {}
    for source in manifest.sources.all():
        folders.setdefault(source.image, set()).add(source.folder)
    for spec in manifest.modules:
        image = manifest.agent("modules", spec.name, "settings").get("image")
        shared = sorted(folder.name for folder in folders.get(spec.image, ()))
        if image is not None and len(shared) > 1:
            what = f"{spec.name}: the folders {' and '.join(shared)} both build {spec.image}"
            yield manifest.file.problem(rules.IMAGE_TAG_SHARED, image.start, what)


def _reused(manifest: Manifest) -> Iterator[Problem]:
    """The versions that manifests generated earlier give to the images that this one names."""
    beside = {*manifest.path.parent.glob("deployment*.json"), *manifest.solution_root.glob("config/*.json")}
    for file in sorted(beside):
        if file.name.endswith(".template.json") or file.resolve() == manifest.path.resolve():
            continue
        for name, (image, version) in _generated(file).items():
            spec = next((s for s in manifest.modules if (s.name, s.image) == (name, image)), None)
            node = manifest.agent("modules", name, "settings").get("image")
            if spec is not None and node is not None and spec.version != version:
                what = (
                    f"{name}: {file.name} gives {image} to version {version!r} of the module, "
                    f"here it is {spec.version!r}"
                )
                yield manifest.file.problem(rules.IMAGE_TAG_REUSED, node.start, what)


def _generated(file: Path) -> dict[str, tuple[str, str]]:
    """Image and version by module; nothing for a file that is no manifest."""
    try:
        root = read(file.read_text(encoding="utf-8")).root
    except (OSError, UnicodeDecodeError, JsonSyntaxError):
        return {}
    modules = root.get("modulesContent", "$edgeAgent", "properties.desired", "modules")
    return {
        name: (with_tag(str(image.value)), str(version.value) if version else "")
        for name, node in (modules.members if modules else {}).items()
        if (image := node.get("settings", "image"))
        for version in [node.get("version")]
    }
