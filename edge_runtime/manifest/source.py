"""Where an image comes from: the `module.json` files of the solution (spec F.2, F.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.manifest import rules
from edge_runtime.manifest.problem import ManifestError, Problem, Rule
from edge_runtime.manifest.text_file import JsonFile, load_json

_PLACEHOLDER = re.compile(r"\$\{(MODULES\.([^.}]+)|MODULEDIR<([^>]+)>)(?:\.([^}]+))?\}")


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """One way to build one module: `image` is the name that iotedgedev gives it."""

    folder: Path
    platform: str
    dockerfile: Path
    context: Path
    repository: str
    image: str
    build_options: tuple[str, ...]

    @property
    def build_arguments(self) -> dict[str, str]:
        """The `--build-arg NAME=VALUE` of the build options."""
        words = " ".join(self.build_options).replace("--build-arg=", "--build-arg ").split()
        pairs = (words[i + 1] for i, word in enumerate(words[:-1]) if word == "--build-arg")
        return dict(pair.partition("=")[::2] for pair in pairs)


def placeholder(text: str) -> re.Match[str] | None:
    """Groups 2 folder, 3 relative path, 4 platform, when the whole text is an image placeholder."""
    return _PLACEHOLDER.fullmatch(text)


class Sources:
    """The modules of one solution; each `module.json` is read when first needed."""

    def __init__(
        self, root: Path, environment: Mapping[str, str], platform: str, mend: Callable[[str], str]
    ) -> None:
        self.root = root
        self.platform = platform
        self.problems: list[Problem] = []
        self._environment = environment
        self._mend = mend
        self._read: dict[Path, tuple[ModuleSource, ...]] = {}
        self._named: set[Path] = set()

    def modules_folder(self) -> Path:
        """`modules`, or what iotedgedev's MODULES_PATH names."""
        return self.root / (self._environment.get("MODULES_PATH") or "modules")

    def of_placeholder(self, match: re.Match[str]) -> tuple[ModuleSource | None, Rule, str, str]:
        """The source of an image placeholder; without one, the rule, what is wrong and how to mend it."""
        folder = self.modules_folder() / match[2] if match[2] else self.root / match[3]
        if not (folder / "module.json").is_file():
            known = ", ".join(sorted(f.name for f in self._folders())) or "none"
            what = f"{match[0]} names no module: {folder / 'module.json'} is missing"
            return (
                None,
                rules.PLACEHOLDER_FOLDER,
                what,
                f"the name is that of a folder with a module.json; there are: {known}",
            )
        platform = match[4] or self.platform
        platform = f"{self.platform}.debug" if platform == "debug" else platform
        self._named.add(folder)
        sources = self._folder(folder)
        found = next((s for s in sources if s.platform == platform), None)
        known = ", ".join(s.platform for s in sources) or "none"
        what = f"{match[0]}: {folder / 'module.json'} has no platform {platform!r}"
        return found, rules.PLACEHOLDER_PLATFORM, what, f"add it to image.tag.platforms; there are: {known}"

    def find(self, image: str) -> ModuleSource | None:
        """The source of an image's name.

        The exact name first; then the same repository and platform under another version (a manifest
        generated earlier), then also in another registry (one generated with another `.env`).
        """
        everything = [source for folder in self._folders() for source in self._folder(folder)]
        for same in (_exact, _other_version, _other_registry):
            found = [source for source in everything if same(source, image)]
            if found:
                return max(found, key=lambda source: len(source.platform))
        return None

    def all(self) -> Iterator[ModuleSource]:
        """Every platform of every module that a placeholder named so far."""
        for folder in sorted(self._named):
            yield from self._folder(folder)

    def of_folder(self, folder: Path) -> tuple[ModuleSource, ...]:
        """Every platform of the `module.json` in a folder that no manifest has to name.

        Raises ManifestError when there is none, or it is not one.
        """
        source = folder.resolve()
        found = self._folder(source)
        if self.problems:
            raise ManifestError(self.problems)
        return found

    def _folders(self) -> list[Path]:
        inside = {file.parent for file in self.modules_folder().glob("*/module.json")}
        return sorted(inside | self._named)

    def _folder(self, folder: Path) -> tuple[ModuleSource, ...]:
        if folder not in self._read:
            self._read[folder] = ()
            try:
                file = load_json(folder / "module.json", self._environment, self._mend)
            except ManifestError as error:
                self.problems += error.problems
            else:
                self._read[folder] = tuple(self._sources(folder, file))
                self.problems += file.problems
        return self._read[folder]

    def _sources(self, folder: Path, file: JsonFile) -> Iterator[ModuleSource]:
        file.report_undefined(self._mend)
        repository = file.root.get("image", "repository")
        if repository is None or not repository.text:
            at = repository or file.root.nearest(("image", "repository"))[0]
            mend = 'give it, such as "${CONTAINER_REGISTRY_SERVER}/x"'
            file.report(rules.MODULE_JSON, at, "image.repository is missing", mend)
            return
        version = file.root.get("image", "tag", "version")
        tag = str(version.value) if version else "0.0.0"
        if self._environment.get("CONTAINER_TAG"):
            tag = f"{tag}-{self._environment['CONTAINER_TAG']}"
        context = file.root.get("image", "contextPath")
        options = file.root.get("image", "buildOptions")
        for platform, dockerfile in self._platforms(folder, file):
            name = str(repository.text).lower()
            yield ModuleSource(
                folder=folder,
                platform=platform,
                dockerfile=dockerfile,
                context=(folder / ((context and context.text) or ".")).resolve(),
                repository=name,
                image=f"{name}:{tag}-{platform}",
                build_options=tuple(map(str, options.plain())) if options else (),
            )

    def _platforms(self, folder: Path, file: JsonFile) -> Iterator[tuple[str, Path]]:
        platforms = file.root.get("image", "tag", "platforms")
        if platforms is None or not platforms.members:
            at = platforms or file.root.nearest(("image", "tag", "platforms"))[0]
            mend = 'add {"amd64": "./Dockerfile.amd64"}, one entry a platform'
            file.report(rules.MODULE_JSON, at, "image.tag.platforms is missing or empty", mend)
            return
        for platform, node in platforms.members.items():
            dockerfile = (folder / str(node.value)).resolve()
            if not dockerfile.is_file():
                what = f"the Dockerfile of platform {platform!r} is missing: {dockerfile}"
                file.report(rules.DOCKERFILE_MISSING, node, what)
            yield platform, dockerfile


def with_tag(image: str) -> str:
    """An image's name as edgeAgent takes it: without tag and digest it is the latest (spec D.1)."""
    return image if "$" in image or _split(image)[1] else f"{image}:latest"


def _split(image: str) -> tuple[str, str]:
    """Repository and tag; a colon before the last slash belongs to the registry's port."""
    head, slash, last = image.rpartition("/")
    name, _, tag = last.partition(":")
    return head + slash + name, tag


def _path(repository: str) -> str:
    """A repository without its registry (Docker's rule: a first part with a dot, a colon, or localhost)."""
    first, slash, rest = repository.partition("/")
    return rest if slash and ("." in first or ":" in first or first == "localhost") else repository


def _exact(source: ModuleSource, image: str) -> bool:
    return source.image == image


def _other_version(source: ModuleSource, image: str) -> bool:
    repository, tag = _split(image)
    return repository == source.repository and tag.endswith(f"-{source.platform}")


def _other_registry(source: ModuleSource, image: str) -> bool:
    repository, tag = _split(image)
    return _path(repository) == _path(source.repository) and tag.endswith(f"-{source.platform}")
