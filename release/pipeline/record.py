"""`release/1`: one release from its build to production: which digests, and where they have passed .

The file goes from job to job of a pipeline. What it says of an environment is what was seen there, never an intent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from release.images.record import ImagesRecord, RecordError
from release.images.record import read as read_images

ENVIRONMENTS = ("dev", "test", "prod")
"""In the order in which a release passes them."""


class Passed(BaseModel):
    """A deployment that was followed until all ran, and whose smoke test passed. `digests` by module folder."""

    model_config = ConfigDict(frozen=True)
    at: str
    where: str
    digests: dict[str, str]


class Release(BaseModel):
    """`images` by platform; `environments` by name, then platform."""

    model_config = ConfigDict(populate_by_name=True)
    schema_: Literal["release/1"] = Field(default="release/1", alias="schema")
    version: str
    commit: str | None
    created: str
    images: dict[str, ImagesRecord]
    environments: dict[str, dict[str, Passed]] = {}

    @property
    def dirty(self) -> bool:
        """Whether nobody can say from which commit the images are."""
        return self.commit is None or self.commit.endswith("-dirty")

    def digests(self, platform: str) -> dict[str, str]:
        """Of the platform's images, by module folder."""
        return {name: image.digest or "" for name, image in self.images[platform].images.items()}

    def refusal(self, target: str, platform: str) -> str | None:
        """Why this release may not go to `target`; None when it may: the environment before has seen these digests."""
        if target == ENVIRONMENTS[0]:
            return None
        before = ENVIRONMENTS[ENVIRONMENTS.index(target) - 1]
        passed = self.environments.get(before, {}).get(platform)
        if passed is None:
            return f"{self.version} for {platform} has not passed {before}: scripts/promote --to {before}"
        these = self.digests(platform)
        if changed := sorted({name for name, _ in passed.digests.items() ^ these.items()}):
            return (
                f"{self.version} for {platform}: {before} ran other images ({', '.join(changed)}) than these"
            )
        return None

    def passed(self, target: str, platform: str, where: str) -> None:
        """Note that it runs there and was tested."""
        digests = self.digests(platform)
        self.environments.setdefault(target, {})[platform] = Passed(at=now(), where=where, digests=digests)

    def write(self, file: Path) -> None:
        """In one step: a reader finds the old or the new file whole."""
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(self.model_dump_json(by_alias=True, indent=2) + "\n")
        fresh.replace(file)


def read(file: Path) -> Release:
    """Raises RecordError."""
    try:
        return Release.model_validate_json(file.read_bytes())
    except OSError as error:
        raise RecordError(
            f"{file}: {error.strerror} (scripts/promote --to {ENVIRONMENTS[0]} begins it)"
        ) from None
    except ValidationError as error:
        problem = error.errors()[0]
        raise RecordError(f"{file}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from None


def begin(files: Sequence[Path], version: str) -> Release:
    """A new release of what `scripts/build` recorded in these files, one a platform.

    Raises RecordError: no file, an image that was never pushed, images of two commits or of one platform twice.
    """
    images: dict[str, ImagesRecord] = {}
    for file in files:
        record = read_images(file)
        if record.platform in images:
            raise RecordError(f"{file}: {record.platform} is in another file too")
        for name, image in record.images.items():
            if image.digest is None:
                raise RecordError(
                    f"{file}: {name} was never pushed: scripts/build --platform {record.platform} --push"
                )
        images[record.platform] = record
    commits = {record.commit for record in images.values()}
    if not images:
        raise RecordError("no images: scripts/build --platform P --push writes config/images.P.json")
    if len(commits) > 1:
        told = ", ".join(f"{record.platform} of {record.commit}" for record in images.values())
        raise RecordError(
            f"the images are of different commits ({told}): build them anew, or name files with --images"
        )
    return Release(version=version, commit=commits.pop(), created=now(), images=images)


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
