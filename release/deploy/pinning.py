"""Images by digest: what `scripts/build` recorded (docs/release-interfaces.md, images/1), put into a manifest."""

from __future__ import annotations

from pathlib import Path

from edge_runtime.manifest import Manifest
from release.deploy.outcome import UsageError
from release.images.record import ImagesRecord, RecordError, read


def read_images(file: Path, platform: str) -> ImagesRecord:
    """Raises UsageError: no such record, or one of another platform."""
    try:
        record = read(file)
    except RecordError as error:
        raise UsageError(str(error)) from None
    if record.platform != platform:
        raise UsageError(
            f"{file}: the images are for {record.platform!r}, the deployment for {platform!r} (--platform)"
        )
    return record


def pin(manifest: Manifest, record: ImagesRecord, file: Path) -> dict[str, str]:
    """Module -> its image by digest, for every module whose sources are in the solution; others keep their image.

    Raises UsageError for one that was not pushed, or to another registry.
    """
    pinned = {}
    for spec in manifest.modules:
        source = manifest.find_source(spec.image)
        if source is None:
            continue
        folder = source.folder.name
        image = record.images.get(folder)
        if image is None or image.digest is None:
            what = "has no image" if image is None else "names an image without a digest"
            raise UsageError(
                f"{file}: {what} of {folder}, which the module {spec.name} runs: "
                f"scripts/build --platform {record.platform} --push"
            )
        if image.repository != source.repository:
            raise UsageError(
                f"{file}: {folder} was pushed to {image.repository}, the deployment takes it from "
                f"{source.repository} (CONTAINER_REGISTRY_SERVER of the environment)"
            )
        pinned[spec.name] = image.reference
    return pinned
