"""What the code of a module says, as far as words tell: names of outputs and inputs, content types.

Words prove absence, not presence: a name that no file holds is not an output, one that a file holds may be.
A module without sources in the solution, or whose code is compiled elsewhere, is taken to say everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from edge_runtime.manifest import dockerfile
from edge_runtime.manifest.manifest import Manifest
from edge_runtime.manifest.modules import ModuleSpec
from edge_runtime.manifest.source import ModuleSource

_CODE = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".cs", ".java", ".c", ".cc", ".cpp", ".go", ".rs"})
_NOT_OURS = frozenset({".git", ".venv", "venv", "node_modules", "bin", "obj", "__pycache__"})
_MOST_FILES = 1000
_MOST_BYTES = 1024 * 1024
_QUOTED = re.compile(r"""["'`]([\w.-]{1,64})["'`]""")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]+))", re.MULTILINE
)
_NAME = re.compile(r"[\w.]+")
_JSON_TYPE = "application/json"
_BINARY_TYPE = re.compile(
    r"""["'`]((?:image|video|audio)/[\w.+-]+|application/octet-stream)["'`]""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ModuleCode:
    """The texts of a module's files; `settings` is what the manifest gives it, which may name outputs too."""

    files: Mapping[Path, str] = field(default_factory=dict)
    settings: str = ""

    @property
    def texts(self) -> Collection[str]:
        """All texts, in no order."""
        return self.files.values()

    def says(self, word: str, *, any_case: bool = False) -> bool:
        """Whether the word stands anywhere in the code or its settings; True when no code is known."""
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE if any_case else 0)
        return not self.texts or any(pattern.search(text) for text in (*self.texts, self.settings))

    def near(self, word: str) -> str:
        """A mend: the quoted word of the code that looks most like it ("" for none)."""
        quoted = sorted({match for text in self.texts for match in _QUOTED.findall(text)})
        near = get_close_matches(word, quoted, n=1)
        return f"did you mean {near[0]!r}?" if near else ""

    def not_json(self, output: str | None) -> str:
        """Why messages of this output (None: of any) are not declared as JSON; "" when they may be."""
        if not self.texts:
            return ""
        if not any(_JSON_TYPE in text.lower() for text in self.texts):
            return f"its code never names the content type {_JSON_TYPE}"
        if output is None:
            return ""
        named = re.compile(rf"""["'`]{re.escape(output)}["'`]""", re.IGNORECASE)
        senders = [file for file, text in self.files.items() if named.search(text)]
        reached = [self.files[file] for file in sorted(self._reached(senders))]
        types = [match for text in reached for match in _BINARY_TYPE.findall(text)]
        if types and not any(_JSON_TYPE in text.lower() for text in reached):
            return f"{senders[0].name}, which names this output, and what it imports know {types[0]} alone"
        return ""

    def _reached(self, files: Sequence[Path]) -> set[Path]:
        """The files and all that they import of this code, in Python."""
        found, waiting = set(files), list(files)
        while waiting:
            file = waiting.pop()
            new = {
                other
                for ending in _imports(file, self.files[file])
                for other in self.files
                if _is(other, ending)
            }
            waiting += new - found
            found |= new
        return found


def code_of(manifest: Manifest, spec: ModuleSpec) -> ModuleCode:
    """The code that is copied into the module's image, else all that lies in the module's folder."""
    source = manifest.find_source(spec.image)
    if source is None:
        return ModuleCode()
    settings = json.dumps([spec.env, spec.create_options, manifest.modules_content.get(spec.name)])
    return ModuleCode(dict(_texts(_roots(source))), settings)


def _imports(file: Path, text: str) -> Iterator[str]:
    """What a Python file imports, as the ends of paths without `.py`."""
    for start, names, plain in _IMPORT.findall(text) if file.suffix == ".py" else ():
        dots = len(start) - len(start.lstrip("."))
        folder = "/".join(file.parts[1 : len(file.parts) - dots]) if dots else ""
        inside = "/".join(part for part in (folder, *start.strip(".").split(".")) if part)
        for name in [inside] if start else []:
            yield from (f"{name}/{other}" for other in _NAME.findall(names))
            yield name
        yield from (name.replace(".", "/") for name in _NAME.findall(plain))


def _is(file: Path, ending: str) -> bool:
    path = file.with_suffix("").as_posix().removesuffix("/__init__")
    return path.endswith(f"/{ending}")


def _roots(source: ModuleSource) -> list[Path]:
    try:
        recipe = dockerfile.read(source.dockerfile, source.context, source.build_arguments)
    except dockerfile.DockerfileError:
        return [source.folder]
    return [copy.source for copy in recipe.copies] or [source.folder]


def _texts(roots: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    count = 0
    for file in sorted({file for root in roots for file in _files(root)}):
        if file.suffix in _CODE and count < _MOST_FILES and file.stat().st_size <= _MOST_BYTES:
            count += 1
            text = file.read_text(encoding="utf-8", errors="replace")
            yield from [(file, text)] if text.strip() else []


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    elif root.is_dir():
        for entry in root.iterdir():
            if entry.name not in _NOT_OURS and not entry.is_symlink():
                yield from _files(entry)
