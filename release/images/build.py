"""Build what the registry does not have yet.

Everything is asked before anything is built: one image that must be refused ends the whole run.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edge_runtime.manifest import ModuleSource
from release.images.content import ContentError, base_images, content_sha256
from release.images.engine import Engine, OnStep
from release.images.publish import CONTENT_DIGITS, RefusedError, Registries, refusal
from release.images.record import ImageRecord
from release.images.registry import CONTENT_LABEL, Published

_IGNORED = ("--rm", "--tag", "-t", "--file", "-f")
"""By iotedgedev too: it names image and Dockerfile itself."""


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
        _refuse_options(source)
        for base in base_images(source.dockerfile):
            if base not in ids:
                ids[base] = engine.provide(base, source.platform, fresh=fresh)
                engine.check_platform(source.platform, base)
    planned = []
    for source in sources:
        content = content_sha256(source, ids)
        planned.append(Planned(source, _tag(source, content if version_from_content else None), content))
    return planned


def look_up(planned: Sequence[Planned], registries: Registries) -> list[Planned]:
    """The same with what is published. Raises RefusedError, RegistryError."""
    known = [replace(one, published=registries.published(one.repository, one.tag)) for one in planned]
    told = [
        refusal(one.name, one.source.folder, one.content_sha256, one.published)
        for one in known
        if one.published
    ]
    if refused := [line for line in told if line]:
        raise RefusedError("\n".join(refused))
    return known


def build(
    one: Planned, engine: Engine, labels: Mapping[str, str], on_step: OnStep, *, fresh: bool
) -> ImageRecord:
    """Build it, unless the registry has it; the record without a digest then. Raises EngineError."""
    published = one.published
    if published:
        identifier, seconds, unpacked = published.image_id, None, None
    else:
        started = time.monotonic()
        labels = {**labels, CONTENT_LABEL: one.content_sha256}
        identifier = engine.build(one.source, one.name, labels, on_step, fresh=fresh)
        seconds, unpacked = round(time.monotonic() - started, 1), engine.size_bytes(identifier)
    return ImageRecord(
        repository=one.repository,
        tag=one.tag,
        digest=published.digest if published else None,
        content_sha256=one.content_sha256,
        image_id=identifier,
        size_bytes=published.size_bytes if published else None,
        build_seconds=seconds,
        unpacked_bytes=unpacked,
    )


def _tag(source: ModuleSource, content: str | None) -> str:
    """As module.json has it, or with digits of the content between version and platform."""
    tag = source.image.rpartition(":")[2]
    if content is None:
        return tag
    version = tag.removesuffix(f"-{source.platform}")
    return f"{version}-{content[:CONTENT_DIGITS]}-{source.platform}"


def _refuse_options(source: ModuleSource) -> None:
    """What would be left out unseen makes another image than iotedgedev's."""
    for option in source.build_options:
        name, *value = re.split(r"[\s=]+", option.strip(), maxsplit=1)
        if name not in _IGNORED and (name != "--build-arg" or "=" not in "".join(value)):
            raise ContentError(
                f"{source.folder / 'module.json'}: image.buildOptions: {option!r}: scripts/build takes "
                '"--build-arg NAME=VALUE" alone; write the rest into the Dockerfile'
            )
