"""`kubectl kustomize`: a folder of manifests as the objects that a cluster would get.

RenderError        kustomize refuses the folder; `str()` is what it says
KubectlError       kubectl is missing or too old; names what is needed
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import yaml

from targets.kubernetes.documents import Document

OLDEST = (1, 27)
"""Its kustomize 5.0 is the first that knows `labels`, `components` and `patches` as they are used here."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


class RenderError(Exception):
    """The folder does not render."""


class KubectlError(Exception):
    """There is no kubectl that could render it."""


@cache
def kubectl() -> str:
    """Where it is. Raises KubectlError when it is missing or older than `OLDEST`."""
    program = shutil.which("kubectl")
    wanted = ".".join(map(str, OLDEST))
    if program is None:
        raise KubectlError(
            f"kubectl is not on PATH: install {wanted} or newer (https://kubernetes.io/docs/tasks/tools/)"
        )
    done = subprocess.run(
        [program, "version", "--client", "--output", "json"], capture_output=True, text=True, check=False
    )
    try:
        version = json.loads(done.stdout)["clientVersion"]["gitVersion"]
    except (ValueError, KeyError):
        raise KubectlError(f"{program} tells no version: {(done.stderr or done.stdout).strip()}") from None
    found = _VERSION.match(version)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise KubectlError(f"{program} is {version}: manifests need {wanted} or newer")
    return program


def render(folder: Path) -> list[Document]:
    """The objects, in kustomize's order. Raises RenderError, KubectlError. Asks no cluster."""
    done = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenderError(f"{folder}: {done.stderr.strip() or f'kubectl ended with {done.returncode}'}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]
