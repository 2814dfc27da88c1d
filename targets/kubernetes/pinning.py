"""Images by digest: what `scripts/build` recorded (docs/release-interfaces.md, images/1), put into an overlay.

PinError   the record, the folder or the two together do not fit; `str()` names the place and the mend
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from targets.kubernetes.documents import Documents, pods
from targets.kubernetes.rendering import render

IMAGE = "serving"
"""The name in the bases that `images:` replaces, and of the folder in the record."""
_NOBODY = f"sha256:{'0' * 64}"
_ARCHITECTURES = {"amd64": "amd64", "arm64v8": "arm64"}
"""Kubernetes' names of the platforms of module.json."""
_ENTRY = re.compile(
    rf"^(?P<indent>[ ]*)- name: {IMAGE}\n(?P=indent)  newName: (?P<name>\S+)\n(?P=indent)  digest: (?P<digest>\S+)$",
    re.MULTILINE,
)


class PinError(Exception):
    """Nothing was written."""


@dataclass(frozen=True, slots=True)
class _Pinned:
    """What a kustomization.yaml will be."""

    file: Path
    text: str


def pin(folders: Sequence[Path], record: Path) -> str:
    """Write repository and digest of the recorded image into every folder's kustomization.yaml; the image's reference.

    Raises PinError, and RenderError and KubectlError of a folder: then no folder is changed.
    """
    platform, repository, digest = _recorded(record)
    for pinned in [_pinned(folder, record, platform, repository, digest) for folder in folders]:
        fresh = pinned.file.with_name(f".{pinned.file.name}.new")
        fresh.write_text(pinned.text, encoding="utf-8")
        fresh.replace(pinned.file)
    return f"{repository}@{digest}"


def _pinned(folder: Path, record: Path, platform: str, repository: str, digest: str) -> _Pinned:
    for pod in pods(render(folder)):
        wanted = pod.spec.get("nodeSelector", {}).get("kubernetes.io/arch")
        if wanted != _ARCHITECTURES.get(platform):
            raise PinError(
                f"{record}: the image is for {platform}, the pods of {folder} want nodes of {wanted} "
                "(components/arm64 changes that)"
            )
    file = folder / "kustomization.yaml"
    text = file.read_text(encoding="utf-8")
    found = list(_ENTRY.finditer(text))
    if len(found) != 1:
        raise PinError(
            f"{file}: images: needs one entry `name: {IMAGE}` with newName and digest, in this order"
        )
    entry = found[0]
    lines = [f"{entry['indent']}- name: {IMAGE}", f"  newName: {repository}", f"  digest: {digest}"]
    new = f"\n{entry['indent']}".join(lines)
    return _Pinned(file, text[: entry.start()] + new + text[entry.end() :])


def unpinned(documents: Documents) -> Iterator[str]:
    """Images that wait for `pin`: the zeros that we ship."""
    for pod in pods(documents):
        for where, container in pod.containers():
            if str(container.get("image")).endswith(_NOBODY):
                yield f"{where}: no build is pinned yet: scripts/manifests --pin config/{IMAGE}.amd64.json FOLDER"


def _recorded(file: Path) -> tuple[str, str, str]:
    """Platform, repository, digest."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        image = record["images"][IMAGE]
        platform, repository, digest = str(record["platform"]), str(image["repository"]), image["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PinError(
            f"{file}: no record of the image {IMAGE} ({error!r}): scripts/build --folder {IMAGE} --push writes one"
        ) from None
    if digest is None:
        raise PinError(
            f"{file}: the image {IMAGE} has no digest, because it was not pushed: scripts/push --record {file}"
        )
    return platform, repository, str(digest)
