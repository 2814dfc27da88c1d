"""`python -m targets.package azureml|functions FOLDER`: everything that the target is deployed from, in one folder.

Both services upload a folder as it is: our libraries go into it beside the target's own files, and the locked versions
of what the image must hold. Exit codes: 0 written, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
PYTHON = "3.11"


def azureml(folder: Path) -> None:
    """The YAML files, `conda*.yml` with the locked versions, and `code/` with what the scoring scripts import."""
    own = ROOT / "targets" / "azureml"
    for file in sorted(own.glob("*.yml")):
        shutil.copy(file, folder)
    for lock, conda in (("azureml.txt", "conda.yml"), ("azureml-batch.txt", "conda-batch.yml")):
        (folder / conda).write_text(_conda(ROOT / "requirements" / lock))
    code = folder / "code"
    _libraries(code, "image_classifier")
    _target(code, own, "score.py", "batch_score.py")


def functions(folder: Path) -> None:
    """A function app: `function_app.py`, `host.json` and `requirements.txt` at its top, as the host wants them."""
    own = ROOT / "targets" / "functions"
    _libraries(folder, "image_classifier", "module_kit")
    _target(folder, own, "function_app.py", "host.json")
    shutil.copy(ROOT / "requirements" / "functions.txt", folder / "requirements.txt")


TARGETS: dict[str, Callable[[Path], None]] = {"azureml": azureml, "functions": functions}


def _libraries(code: Path, *names: str) -> None:
    for name in names:
        shutil.copytree(ROOT / "libs" / name, code / name, ignore=_LEFT_OUT)


def _target(code: Path, own: Path, *at_the_top: str) -> None:
    """The package with what it imports; what the service starts goes to the top, which it puts on Python's path."""
    packages = code / "targets"
    shutil.copytree(own, packages / own.name, ignore=shutil.ignore_patterns("*.yml", "__pycache__"))
    for name in ("__init__.py", "scoring_request.py"):
        shutil.copy(ROOT / "targets" / name, packages)
    for name in at_the_top:
        (packages / own.name / name).replace(code / name)


def _conda(lock: Path) -> str:
    """Azure ML takes no lock file with hashes: the versions are the lock's."""
    pins = re.findall(r"^([A-Za-z0-9._-]+==[^\s\\;]+)", lock.read_text(), re.MULTILINE)
    lines = [
        "channels: [conda-forge]",
        "dependencies:",
        f"  - python={PYTHON}",
        "  - pip",
        "  - pip:",
        *(f"      - {pin}" for pin in pins),
    ]
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/package-target", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("folder", type=Path, help="does not exist yet, or is empty")
    arguments = parser.parse_args(argv)
    folder: Path = arguments.folder
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        sys.stderr.write(f"{folder}: exists; name another folder, or empty it\n")
        return 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        TARGETS[arguments.target](folder)
    except OSError as error:
        sys.stderr.write(f"{error.filename or folder}: cannot be written: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{folder}: all that {arguments.target} is deployed from\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
