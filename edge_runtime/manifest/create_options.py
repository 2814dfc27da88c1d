"""createOptions: an object in a template, text in pieces of 512 characters in a manifest (spec D.1, F.5).

A twin's value holds little, so the tools cut the minified JSON into `createOptions`,
`createOptions01` ... `createOptions07`; the agent reads up to 100 pieces without a gap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

PIECE = 512
MOST_PIECES = 8
MOST_PIECES_READ = 100
_NAME = re.compile(r"createOptions(\d{2})?")


class CreateOptionsError(ValueError):
    """createOptions that cannot be written or read; `name` is the settings member to blame."""

    def __init__(self, name: str, what: str, mend: str) -> None:
        super().__init__(what)
        self.name = name
        self.mend = mend


def minified(options: object) -> str:
    """The text that iotedgedev writes: a string stays as it is, anything else becomes the shortest JSON."""
    return options if isinstance(options, str) else json.dumps(options, separators=(",", ":"))


def split(options: object) -> dict[str, str]:
    """Cut createOptions into settings members. Raises CreateOptionsError for more than 8."""
    text = minified(options)
    pieces = [text[i : i + PIECE] for i in range(0, len(text), PIECE)] or [""]
    if len(pieces) > MOST_PIECES:
        what = f"createOptions has {len(text)} characters, the most is {PIECE * MOST_PIECES}"
        raise CreateOptionsError("createOptions", what, "move parts of it to env, or shorten it")
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
            raise CreateOptionsError(pieces[number], what, "number the pieces 01, 02, ... without a gap")
    if len(pieces) > MOST_PIECES_READ:
        raise CreateOptionsError(
            "createOptions", f"more than {MOST_PIECES_READ} pieces", "shorten createOptions"
        )
    text = "".join(str(settings[pieces[number]]) for number in sorted(pieces)).strip()
    return _object(text)


def _object(text: str) -> dict[str, Any]:
    try:
        options = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        what = f"createOptions holds no JSON: {error.msg.lower()} at character {error.pos + 1}"
        raise CreateOptionsError("createOptions", what, "correct the text, or write an object") from None
    if not isinstance(options, dict):
        raise CreateOptionsError("createOptions", "createOptions is no JSON object", "write an object")
    return options
