"""createOptions: an object in a template, text in pieces of 512 characters in a manifest (spec D.1, F.5).

A twin's value holds little, so the tools cut the minified JSON into `createOptions`,
`createOptions01` ... `createOptions07`; the agent reads up to 100 pieces without a gap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from edge_runtime.manifest import rules
from edge_runtime.manifest.problem import Rule

PIECE = 512
MOST_PIECES = 8
MOST_PIECES_READ = 100
_NAME = re.compile(r"createOptions(\d{2})?")


class CreateOptionsError(ValueError):
    """createOptions that cannot be written or read; `name` is the settings member to blame."""

    def __init__(self, rule: Rule, name: str, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.rule = rule
        self.name = name
        self.mend = mend or rule.mend


def is_piece(name: str) -> bool:
    """Whether a settings member holds a part of createOptions."""
    return _NAME.fullmatch(name) is not None


def minified(options: object) -> str:
    """The text that iotedgedev writes: a string stays as it is, anything else becomes the shortest JSON."""
    return options if isinstance(options, str) else json.dumps(options, separators=(",", ":"))


def split(options: object) -> dict[str, str]:
    """Cut createOptions into settings members. Raises CreateOptionsError for more than 8."""
    text = minified(options)
    pieces = [text[i : i + PIECE] for i in range(0, len(text), PIECE)] or [""]
    if len(pieces) > MOST_PIECES:
        what = f"createOptions has {len(text)} characters, the most is {PIECE * MOST_PIECES}"
        raise CreateOptionsError(rules.CREATE_OPTIONS_SIZE, "createOptions", what)
    return {f"createOptions{i:02}" if i else "createOptions": piece for i, piece in enumerate(pieces)}


def join(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Put createOptions of a module's settings together. Raises CreateOptionsError."""
    first = settings.get("createOptions", "")
    if isinstance(first, dict):
        return first
    pieces = {int(match[1] or 0): name for name in settings if (match := _NAME.fullmatch(name))}
    for expected, number in enumerate(sorted(pieces)):
        if number != expected:
            missing = f"createOptions{expected:02}" if expected else "createOptions"
            what = f"{pieces[number]} is there but {missing} is not"
            raise CreateOptionsError(rules.CREATE_OPTIONS_PIECES, pieces[number], what)
    if len(pieces) > MOST_PIECES_READ:
        what = f"more than {MOST_PIECES_READ} pieces"
        raise CreateOptionsError(rules.CREATE_OPTIONS_SIZE, "createOptions", what)
    text = "".join(str(settings[pieces[number]]) for number in sorted(pieces)).strip()
    return _object(text)


def _object(text: str) -> dict[str, Any]:
    try:
        options = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        what = f"createOptions holds no JSON: {error.msg.lower()} at character {error.pos + 1}"
        raise CreateOptionsError(rules.CREATE_OPTIONS_JSON, "createOptions", what) from None
    if not isinstance(options, dict):
        what = "createOptions is no JSON object"
        raise CreateOptionsError(rules.CREATE_OPTIONS_JSON, "createOptions", what, "write an object")
    return options
