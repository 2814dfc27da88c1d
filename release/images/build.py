"""Build, and publish what the registry does not have yet.

Everything is asked before anything is built: one image that must be refused ends the whole run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.manifest import ModuleSource
from release.images.content import base_images, content_sha256
from release.images.engine import Engine, OnStep
from release.images.record import ImageRecord
from release.images.registry import (
    CONTENT_LABEL,
    Login,
    Published,
    Registry,
    RegistryError,
    is_loopback,
    server_of,
)

CONTENT_DIGITS = 12

FindLogin = Callable[[str], Login | None]
"""Name and password for a registry's server, when there are any."""


class RefusedError(Exception):
    """A published tag would get other content; one line for each image."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One image to build, and what the registry has under its tag already."""

    source: ModuleSource
    tag: str
    content_sha256: str
    published: Published | None = None

    @property
    def module(self) -> str:
        return self.source.folder.name

    @property
    def repository(self) -> str:
        return self.source.repository

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"


def plan(
    sources: Sequence[ModuleSource], engine: Engine, *, version_from_content: bool, fresh: bool
) -> list[Planned]:
    """What each source's content is, and its tag. Raises ContentError, EngineError."""
    ids: dict[str, str] = {}
    for source in sources:
        for base in base_images(source.dockerfile):
            if base not in ids:
                ids[base] = engine.provide(base, source.platform, fresh=fresh)
                engine.check_platform(source.platform, base)
    planned = []
    for source in sources:
        content = content_sha256(source, ids)
        planned.append(Planned(source, _tag(source, content if version_from_content else None), content))
    return planned


def look_up(planned: Sequence[Planned], engine: Engine, logins: FindLogin) -> list[Planned]:
    """The same with what is published. Raises RefusedError, RegistryError."""
    registries: dict[str, Registry] = {}
    known = []
    for one in planned:
        server, path = server_of(one.repository)
        if server not in registries:
            plain = is_loopback(server) or engine.speaks_plainly_with(server)
            registries[server] = Registry(server, logins(server), plain=plain)
        published = registries[server].published(path, one.tag)
        known.append(Planned(one.source, one.tag, one.content_sha256, published))
    refused = [one for one in known if one.published and one.published.content_sha256 != one.content_sha256]
    if refused:
        raise RefusedError("\n".join(map(_refusal, refused)))
    return known


def build(
    one: Planned, engine: Engine, labels: Mapping[str, str], on_step: OnStep, *, fresh: bool
) -> ImageRecord:
    """Build it, unless the registry has it; the record without a digest then. Raises EngineError."""
    if one.published:
        return _record(one, one.published, None)
    started = time.monotonic()
    labels = {**labels, CONTENT_LABEL: one.content_sha256}
    identifier = engine.build(one.source, one.name, labels, on_step, fresh=fresh)
    return ImageRecord(
        repository=one.repository,
        tag=one.tag,
        digest=None,
        content_sha256=one.content_sha256,
        image_id=identifier,
        size_bytes=None,
        build_seconds=round(time.monotonic() - started, 1),
    )


def publish(one: Planned, built: ImageRecord, engine: Engine, logins: FindLogin) -> ImageRecord:
    """Push it, unless it is there; what the registry then has. Raises EngineError, RegistryError."""
    if built.digest:
        return built
    engine.push(one.repository, one.tag, logins(server_of(one.repository)[0]))
    (there,) = look_up([one], engine, logins)
    if there.published is None:
        raise RegistryError(f"{one.name} was pushed and is not there")
    return _record(one, there.published, built.build_seconds)


def _record(one: Planned, published: Published, build_seconds: float | None) -> ImageRecord:
    return ImageRecord(
        repository=one.repository,
        tag=one.tag,
        digest=published.digest,
        content_sha256=one.content_sha256,
        image_id=published.image_id,
        size_bytes=published.size_bytes,
        build_seconds=build_seconds,
    )


def _tag(source: ModuleSource, content: str | None) -> str:
    """As module.json has it, or with digits of the content between version and platform."""
    tag = source.image.rpartition(":")[2]
    if content is None:
        return tag
    version = tag.removesuffix(f"-{source.platform}")
    return f"{version}-{content[:CONTENT_DIGITS]}-{source.platform}"


def _refusal(one: Planned) -> str:
    known = one.published.content_sha256 if one.published else None
    other = (
        f"with other content ({known[:CONTENT_DIGITS]}, here it is {one.content_sha256[:CONTENT_DIGITS]})"
        if known
        else "by another tool, so its content is not known"
    )
    return (
        f'{one.name} is published {other}: a device that has it would not change. Raise "version" in '
        f"{one.source.folder / 'module.json'}, or build with --version-from-content"
    )
