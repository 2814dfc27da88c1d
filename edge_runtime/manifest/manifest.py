"""A deployment manifest, made from a template or read as a tool generated it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.manifest import create_options, rules
from edge_runtime.manifest.content import Content, content_of
from edge_runtime.manifest.env_file import Variables, variables
from edge_runtime.manifest.located_json import Node
from edge_runtime.manifest.modules import ModuleSpec, module_specs
from edge_runtime.manifest.problem import ManifestError, Problem, Severity
from edge_runtime.manifest.schema_check import check_agent, check_hub
from edge_runtime.manifest.source import ModuleSource, Sources, placeholder
from edge_runtime.manifest.text_file import JsonFile, load_json, read_text
from edge_runtime.manifest.variables import Reference

_TEMPLATE = re.compile(r'"\$schema-template"\s*:')


@dataclass(slots=True)
class Manifest:
    """One deployment.

    `document` is what the tools write to `config/`: variables, image placeholders and createOptions
    expanded. `modules_content` is its inner object, as the hub and IoT Hub take it. `problems` holds what
    was found while reading; `edge_runtime.manifest.check` finds more. Credentials are in there: never log it.
    """

    path: Path
    is_template: bool
    platform: str
    solution_root: Path
    document: dict[str, Any]
    modules_content: dict[str, Any]
    modules: tuple[ModuleSpec, ...]
    system_modules: tuple[ModuleSpec, ...]
    variables: Variables
    file: JsonFile
    content: Content
    sources: Sources

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Findings in the order of file and line."""
        found = {*self.variables.problems, *self.file.problems, *self.sources.problems}
        return tuple(sorted(found, key=lambda p: (p.file != self.path, p.file, p.line, p.column, p.what)))

    @property
    def layered(self) -> bool:
        """True for a layered deployment, which needs a base deployment below it."""
        return self.content.layered

    def find_source(self, image: str) -> ModuleSource | None:
        """Folder and Dockerfile that an image of this manifest is built from; None for a foreign image."""
        return self.sources.find(image)

    def agent(self, *path: str) -> dict[str, Node]:
        """The members at a path of `$edgeAgent`'s desired properties, as they are in the file."""
        desired = self.content.desired("$edgeAgent")
        node = desired.get(*path) if desired else None
        return node.members if node else {}

    def text(self) -> str:
        """The generated manifest as iotedgedev writes it: indented by two, no newline at the end."""
        return json.dumps(self.document, indent=2)


def load(
    path: Path,
    *,
    environment: Mapping[str, str],
    platform: str | None = None,
    env_file: Path | None = None,
    strict: bool = False,
) -> Manifest:
    """Read a template or a generated manifest.

    `platform` defaults to DEFAULT_PLATFORM, else amd64. Variables come from `environment`, completed by
    `env_file` (default: `.env` beside the modules, else `.env.template`). Raises ManifestError when the
    file is no manifest at all and, when `strict`, for any finding of severity ERROR.
    """
    text = read_text(path)
    is_template = path.name.endswith(".template.json") or bool(_TEMPLATE.search(text))
    root = _solution_root(path)
    known = variables(root, environment, env_file)
    file = load_json(path, known.values if is_template else None, known.mend, text)
    content = content_of(file)
    platform = platform or known.values.get("DEFAULT_PLATFORM") or "amd64"
    sources = Sources(root, known.values, platform, known.mend)
    _note_undefined(file, content, known)
    agent, hub = _desired(file, content, "$edgeAgent"), _desired(file, content, "$edgeHub")
    if agent:
        check_agent(file, agent, layered=content.layered)
        _expand(file, agent, sources, is_template)
    if hub:
        check_hub(file, hub, layered=content.layered)
    manifest = Manifest(
        path=path,
        is_template=is_template,
        platform=platform,
        solution_root=root,
        document=_document(file),
        modules_content=content.modules.plain(),
        modules=module_specs(agent, "modules"),
        system_modules=module_specs(agent, "systemModules"),
        variables=known,
        file=file,
        content=content,
        sources=sources,
    )
    errors = [p for p in manifest.problems if p.severity is Severity.ERROR]
    if strict and errors:
        raise ManifestError(errors)
    return manifest


def _solution_root(path: Path) -> Path:
    """The nearest folder from the file upwards, three at most, that has modules; else the file's own."""
    own = path.resolve().parent
    for folder in (own, *own.parents[:2]):
        if any(folder.glob("modules/*/module.json")):
            return folder
    return own


def _desired(file: JsonFile, content: Content, module: str) -> Node | None:
    desired = content.desired(module)
    if desired is None and not content.layered:
        what = f"{module!r} with its 'properties.desired' is missing"
        file.report(
            rules.SCHEMA_MISSING, content.modules, what, f'add "{module}": {{"properties.desired": {{...}}}}'
        )
    return desired


def _note_undefined(file: JsonFile, content: Content, known: Variables) -> None:
    """A bare `$name` in a route is the route language's (`$body`), so only `${name}` counts there."""
    hub = content.desired("$edgeHub")
    routes = hub.get("routes") if hub else None

    def of_route(reference: Reference) -> bool:
        inside = routes is not None and routes.start <= reference.expanded < routes.end
        return inside and not reference.braced

    file.report_undefined(known.mend, of_route)


def _expand(file: JsonFile, agent: Node, sources: Sources, is_template: bool) -> None:
    for group in ("modules", "systemModules"):
        modules = agent.get(group)
        for module in modules.members.values() if modules else ():
            settings = module.get("settings")
            if settings is None or not settings.members:
                continue
            _expand_image(file, settings, sources, expand=is_template and group == "modules")
            _split_create_options(file, settings, is_template)


def _expand_image(file: JsonFile, settings: Node, sources: Sources, *, expand: bool) -> None:
    image = settings.get("image")
    if image is None or image.text is None or "${MODULE" not in image.text:
        return
    match = placeholder(image.text)
    if not match or not expand:
        what = f"the placeholder {image.text!r} would stay in the manifest as text"
        file.report(rules.PLACEHOLDER_LITERAL, image, what)
        return
    source, rule, what, mend = sources.of_placeholder(match)
    if source is None:
        file.report(rule, image, what, mend)
    else:
        image.value = source.image


def _split_create_options(file: JsonFile, settings: Node, is_template: bool) -> None:
    options = settings.get("createOptions")
    try:
        create_options.join(settings.plain())
        if options is None:
            return
        if not is_template and isinstance(options.value, dict):
            what = "createOptions is an object, which only a template may hold"
            file.report(rules.CREATE_OPTIONS_OBJECT, options, what)
        if not is_template and isinstance(options.value, str):
            _note_long_pieces(file, settings)
            return
        pieces = create_options.split(options.plain())
    except create_options.CreateOptionsError as error:
        file.report(error.rule, settings.get(error.name) or settings, str(error), error.mend)
        return
    for name, piece in pieces.items():
        settings.members[name] = Node(piece, options.start, options.end, options.key)


def _note_long_pieces(file: JsonFile, settings: Node) -> None:
    for name, node in settings.members.items():
        if create_options.is_piece(name) and node.text and len(node.text) > create_options.PIECE:
            what = f"{name} has {len(node.text)} characters, a piece has {create_options.PIECE} at most"
            file.report(rules.CREATE_OPTIONS_PIECE, node, what)


def _document(file: JsonFile) -> dict[str, Any]:
    document: dict[str, Any] = file.root.plain()
    document.pop("$schema-template", None)
    if "moduleContent" in document and "modulesContent" not in document:
        document = {{"moduleContent": "modulesContent"}.get(k, k): v for k, v in document.items()}
    return document
