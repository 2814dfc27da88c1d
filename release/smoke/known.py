"""The known pictures: drawings that the camera's image carries, and that every shipped model names rightly.

They are told by the SHA-256 of their file: the camera sends a file as it is, and the classifier's answer holds the
hash of what it was sent, so a picture that something on its way has changed is not taken for a known one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).with_name("known.json")


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """One drawing of docs/samples.md, and the label that must come for it."""

    file: str
    label: str
    sha256: str


@dataclass(frozen=True, slots=True)
class KnownPictures:
    """`drawings`: how many the source `sample:` shows in one round, known ones and others."""

    drawings: int
    known: tuple[KnownPicture, ...]


def known_pictures() -> KnownPictures:
    """What `known.json` lists."""
    document = json.loads(_FILE.read_text("utf-8"))
    return KnownPictures(document["drawings"], tuple(KnownPicture(**entry) for entry in document["known"]))
