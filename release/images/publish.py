"""Bring images into their registries: what was built and looked at, under a tag that never gets other content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from release.images.engine import Engine
from release.images.record import ImageRecord, ImagesRecord
from release.images.registry import (
    FindLogin,
    Login,
    Published,
    Registry,
    RegistryError,
    is_loopback,
    server_of,
)

CONTENT_DIGITS = 12


class RefusedError(Exception):
    """A published tag would get other content, or is another image than the one that was built; a line for each."""


class Registries:
    """Every registry that images are named after, each asked with its login."""

    def __init__(self, engine: Engine, logins: FindLogin) -> None:
        self._engine = engine
        self._logins = logins
        self._known: dict[str, Registry] = {}

    def login(self, repository: str) -> Login | None:
        """For pushing to it."""
        return self._logins(server_of(repository)[0])

    def published(self, repository: str, tag: str) -> Published | None:
        """What is there under the tag. Raises RegistryError."""
        server, path = server_of(repository)
        if server not in self._known:
            plain = is_loopback(server) or self._engine.speaks_plainly_with(server)
            self._known[server] = Registry(server, self._logins(server), plain=plain)
        return self._known[server].published(path, tag)


def publish(image: ImageRecord, folder: Path, engine: Engine, registries: Registries) -> ImageRecord:
    """Push exactly the recorded image, unless it is there; the record with its digest. `folder`: the module's.

    Raises RefusedError, EngineError, RegistryError.
    """
    if image.digest:
        return image
    there = _published(image, folder, registries)
    if there is None:
        login = registries.login(image.repository)
        engine.push(image.image_id, image.repository, image.tag, login)
        there = _published(image, folder, registries)
    if there is None:
        raise RegistryError(f"{image.reference} was pushed and is not there")
    # An engine's id of an image is the digest of its configuration, or with containerd's store of its manifest.
    if image.image_id not in (there.image_id, there.digest):
        raise RefusedError(
            f"{image.reference} is published with the same content, and is another build than the one here, which "
            "alone was looked at: take that one (scripts/build --published), and look at it"
        )
    return image.model_copy(update={"digest": there.digest, "size_bytes": there.size_bytes})


def publish_all(
    record: ImagesRecord,
    path: Path,
    modules: Path,
    engine: Engine,
    registries: Registries,
    tell: Callable[[str], None],
) -> ImagesRecord:
    """`publish` each, and write the record after each: a later one's failure does not hide what was published.

    `modules`: the folder of the modules' folders.
    """
    for name, image in record.images.items():
        if image.digest is None:
            tell(f"{image.reference}: pushing")
        published = publish(image, modules / name, engine, registries)
        record = record.model_copy(update={"images": {**record.images, name: published}})
        record.write(path)
    return record


def refusal(name: str, folder: Path, content_sha256: str, published: Published) -> str | None:
    """Why an image of this content cannot have the name; None when what is published has the content."""
    known = published.content_sha256
    if known == content_sha256:
        return None
    other = (
        f"with other content ({known[:CONTENT_DIGITS]}, here it is {content_sha256[:CONTENT_DIGITS]})"
        if known
        else "by another tool, so its content is not known"
    )
    return (
        f'{name} is published {other}: a device that has it would not change. Raise "version" in '
        f"{folder / 'module.json'}, or build with --version-from-content"
    )


def _published(image: ImageRecord, folder: Path, registries: Registries) -> Published | None:
    there = registries.published(image.repository, image.tag)
    if there and (told := refusal(image.reference, folder, image.content_sha256, there)):
        raise RefusedError(told)
    return there
