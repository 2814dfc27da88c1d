"""Images by digest: what `scripts/build` recorded (docs/release-interfaces.md, images/1), put into a manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.manifest import Manifest
from release.deploy.outcome import UsageError

SCHEMA = "images/1"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RecordedImage:
    """One image that was pushed."""

    repository: str
    tag: str
    digest: str

    @property
    def pinned(self) -> str:
        """The name under which nobody can push anything else."""
        return f"{self.repository}@{self.digest}"


def read_images(file: Path, platform: str) -> dict[str, RecordedImage]:
    """By module folder. Raises UsageError: not such a file, of another platform, or an image was never pushed."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no JSON"
        raise UsageError(f"{file}: {reason}; scripts/build --platform {platform} --push writes it") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise UsageError(f"{file}: no record of images (schema {SCHEMA!r}), as scripts/build writes it")
    if document.get("platform") != platform:
        raise UsageError(
            f"{file}: the images are for {document.get('platform')!r}, the deployment for {platform!r} (--platform)"
        )
    images = document.get("images")
    if not isinstance(images, dict):
        raise UsageError(f"{file}: 'images' is missing")
    return {name: _image(file, name, entry) for name, entry in images.items()}


def pin(manifest: Manifest, images: Mapping[str, RecordedImage], file: Path) -> dict[str, str]:
    """Module -> its image by digest, for every module whose sources are in the solution; others keep their image.

    Raises UsageError for one that the record does not have.
    """
    pinned = {}
    for spec in manifest.modules:
        source = manifest.find_source(spec.image)
        if source is None:
            continue
        image = images.get(source.folder.name)
        if image is None:
            raise UsageError(
                f"{file}: has no image of {source.folder.name}, which the module {spec.name} runs; build and push it"
            )
        if image.repository != source.repository:
            raise UsageError(
                f"{file}: {source.folder.name} was pushed to {image.repository}, the deployment takes it from "
                f"{source.repository} (CONTAINER_REGISTRY_SERVER of the environment)"
            )
        pinned[spec.name] = image.pinned
    return pinned


def _image(file: Path, name: str, entry: Any) -> RecordedImage:
    fields = entry if isinstance(entry, dict) else {}
    repository, tag, digest = (fields.get(field) for field in ("repository", "tag", "digest"))
    if not isinstance(repository, str) or not isinstance(tag, str):
        raise UsageError(f"{file}: images.{name}: repository or tag is missing")
    if digest is None:
        raise UsageError(f"{file}: images.{name} was never pushed: scripts/build --push")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise UsageError(f"{file}: images.{name}.digest: expected sha256: and 64 hexadecimal digits")
    return RecordedImage(repository, tag, digest)
