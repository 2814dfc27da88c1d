"""`.vscode/*.json`, as VS Code reads them: comments allowed, `${workspaceFolder}` filled in."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.e2e.device import ROOT

FOLDER = ROOT / ".vscode"


def read(name: str) -> Any:
    """The document of that file, variables and all."""
    lines = (FOLDER / name).read_text().splitlines()
    return json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))


def task(label: str) -> dict[str, Any]:
    """The task of that name."""
    (found,) = [task for task in read("tasks.json")["tasks"] if task["label"] == label]
    document: dict[str, Any] = found
    return document


def filled(value: Any, **others: str) -> Any:
    """The value with its `${...}` replaced: workspaceFolder, and `input_NAME` for `${input:NAME}`."""
    known = {
        "workspaceFolder": str(ROOT),
        **{name.replace("_", ":", 1): text for name, text in others.items()},
    }
    if isinstance(value, str):
        return re.sub(r"\$\{([^}]+)}", lambda match: known[match[1]], value)
    if isinstance(value, list):
        return [filled(one, **others) for one in value]
    if isinstance(value, dict):
        return {key: filled(one, **others) for key, one in value.items()}
    return value
