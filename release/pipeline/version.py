"""The version of a checkout, from git's tags: `1.2.0` at the tag `v1.2.0`, `1.2.0-5-g0123456789ab` five commits later.

`git describe` in its long form; a tag of an image may hold all of it. Without a tag it counts from `0.0.0`, and
`-dirty` tells files that differ from the commit.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_DESCRIBED = re.compile(
    r"v(?P<tag>\d+\.\d+\.\d+[0-9A-Za-z.-]*?)-(?P<ahead>\d+)-g(?P<commit>[0-9a-f]+)(?P<dirty>-dirty)?"
)
_SEMANTIC = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?")


class VersionError(Exception):
    """Git cannot tell: no repository, no commit, or a tag that is no version."""


@dataclass(frozen=True, slots=True)
class Version:
    """`tag` without its `v`, commits since then, the commit's first twelve digits."""

    tag: str
    ahead: int
    commit: str
    dirty: bool

    @property
    def released(self) -> bool:
        """Whether the checkout is exactly what the tag names."""
        return self.tag != "0.0.0" and not self.ahead and not self.dirty

    def __str__(self) -> str:
        if self.released:
            return self.tag
        return f"{self.tag}-{self.ahead}-g{self.commit}" + ("-dirty" if self.dirty else "")


def read(root: Path) -> Version:
    """The version of the checkout in `root`. Raises VersionError."""
    described = _git(root, "describe", "--tags", "--match", "v[0-9]*", "--long", "--abbrev=12", "--dirty")
    if described is None:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        if commit is None:
            raise VersionError(f"{root}: no commit of a git repository")
        ahead = int(_git(root, "rev-list", "--count", "HEAD") or 0)
        dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
        return Version("0.0.0", ahead, commit, dirty)
    match = _DESCRIBED.fullmatch(described)
    if match is None:
        raise VersionError(f"the last tag is no version: {described} (expected vMAJOR.MINOR.PATCH)")
    return Version(match["tag"], int(match["ahead"]), match["commit"], bool(match["dirty"]))


def order(version: str) -> tuple[Any, ...]:
    """A key that sorts versions as semantic versioning does: 1.0.0-rc.2, 1.0.0-rc.10, 1.0.0. Raises VersionError."""
    match = _SEMANTIC.fullmatch(version)
    if match is None:
        raise VersionError(f"{version!r} is no version (expected MAJOR.MINOR.PATCH)")
    parts = match[4].split(".") if match[4] else []
    before = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
    return int(match[1]), int(match[2]), int(match[3]), not before, before


def _git(root: Path, *arguments: str) -> str | None:
    """What git says; None when it fails, as it does without a tag."""
    command = ["git", "-C", str(root), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
