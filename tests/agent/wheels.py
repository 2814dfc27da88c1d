"""Small packages for pip, made here, so that no test of pip needs an index."""

from __future__ import annotations

import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, version: str, *, needs: str = "", package: str = "") -> Path:
    """A wheel with one module `NAME`, which knows its `VERSION`; `package` is what `python -m NAME` runs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    information = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if needs:
        metadata += f"Requires-Dist: {needs}\n"
    with zipfile.ZipFile(path, "w") as wheel:
        module = f"{name}/__init__.py" if package else f"{name}.py"
        wheel.writestr(module, f"VERSION = {version!r}\n")
        if package:
            wheel.writestr(f"{name}/__main__.py", package)
        wheel.writestr(f"{information}/METADATA", metadata)
        wheel.writestr(
            f"{information}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{information}/RECORD", "")
    return path
