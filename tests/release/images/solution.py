"""A small solution to build: one module that copies a library, its code and its requirements."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.manifest import ModuleSource

BASE = "amd64/debian:bookworm-slim"
DOCKERFILE = f"""\
FROM {BASE} AS build
COPY modules/eye/requirements.txt /build/
FROM {BASE}
COPY --from=build /build /opt
COPY libs/kit /app/kit
COPY modules/eye/eye /app/eye
CMD ["python3", "-m", "eye"]
"""
FILES = {
    ".dockerignore": "*\n!libs\n!modules\n**/*.md\n",
    "libs/kit/a.py": "a = 1\n",
    "libs/other/b.py": "b = 1\n",
    "modules/eye/Dockerfile.amd64": DOCKERFILE,
    "modules/eye/eye/__main__.py": "print('eye')\n",
    "modules/eye/requirements.txt": "x==1\n",
    "modules/eye/README.md": "words\n",
}


def write_solution(root: Path) -> ModuleSource:
    """The files, and the module as `edge_runtime.manifest` describes it."""
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return ModuleSource(
        folder=root / "modules/eye",
        platform="amd64",
        dockerfile=root / "modules/eye/Dockerfile.amd64",
        context=root,
        repository="127.0.0.1:5000/eye",
        image="127.0.0.1:5000/eye:1.2.0-amd64",
        build_options=(),
    )
