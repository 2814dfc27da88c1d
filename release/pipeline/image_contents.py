"""What an image holds, read out of its files without starting it: it needs no shell, and no qemu for a foreign one."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import HeaderParser
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound
from docker.models.images import Image

from release.engine import connect
from release.images.registry import FindLogin, server_of

_CHUNK_BYTES = 1 << 20
_METADATA = (".dist-info/METADATA", ".egg-info/PKG-INFO", ".egg-info")
_LARGEST_DOCUMENT = 16 << 20  # bytes; a real dpkg status has less than one


class ImageError(Exception):
    """The image is not there, or not one of Debian's. The message names it, and the mend."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package by its own description: Debian's control fields, or a Python distribution's METADATA."""

    name: str
    version: str
    place: str
    fields: Message


@dataclass(slots=True)
class ImageContents:
    """`debian` and `python` by name; `python` leaves out what a Debian package has installed: it is in `debian`.

    `architecture` is Debian's word for it (amd64, armhf, arm64), of its dpkg: what the engine has noted of an image
    made from an imported base may be the architecture of the machine that made it.
    """

    reference: str
    image_id: str
    repo_digests: tuple[str, ...]
    labels: dict[str, str]
    architecture: str = ""
    distribution: dict[str, str] = field(default_factory=dict)
    debian: list[Package] = field(default_factory=list)
    python: list[Package] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)


class _Stream(io.RawIOBase):
    """An iterator of bytes as a file that can be read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        n = min(len(buffer), len(self._rest))
        buffer[:n] = self._rest[:n]
        self._rest = self._rest[n:]
        return n


def read(reference: str, find_login: FindLogin, image_id: str | None = None) -> ImageContents:
    """Read an image of the engine, pulled when it is not there. Raises ImageError, EngineUnreachableError.

    With `image_id` it is the engine's image of this id, whatever the reference names by now: nothing is pulled.
    """
    with contextlib.closing(connect()) as client:
        image = (
            _find(client, reference, find_login) if image_id is None else _here(client, reference, image_id)
        )
        contents = ImageContents(
            reference,
            str(image.id),
            tuple(image.attrs.get("RepoDigests") or ()),
            dict(image.labels),
        )
        container = client.containers.create(image, command=["none"])  # never started
        try:
            export: Any = container.export(chunk_size=_CHUNK_BYTES)  # bytes, whatever the stubs say
            _walk(export, contents)
        finally:
            container.remove(v=True)
    if not contents.debian:
        raise ImageError(f"{reference}: has no /var/lib/dpkg/status: only images of Debian can be read")
    contents.architecture = next((p.fields["Architecture"] for p in contents.debian if p.name == "dpkg"), "")
    return contents


def _find(client: docker.DockerClient, reference: str, find_login: FindLogin) -> Image:
    try:
        return client.images.get(reference)
    except ImageNotFound:
        pass
    try:
        login = find_login(server_of(reference)[0])
        client.api.pull(reference, auth_config=login.auth_config if login else None)
        return client.images.get(reference)
    except APIError as error:
        why = error.explanation or error
        raise ImageError(f"{reference}: neither on this engine nor to be pulled: {why}") from None


def _here(client: docker.DockerClient, reference: str, image_id: str) -> Image:
    try:
        return client.images.get(image_id)
    except ImageNotFound:
        raise ImageError(f"{reference}: {image_id} is not on this engine any more; build it again") from None


def _walk(export: Iterator[bytes], contents: ImageContents) -> None:
    found: list[Package] = []
    installed_by_debian: set[str] = set()
    with tarfile.open(fileobj=io.BufferedReader(_Stream(export), _CHUNK_BYTES), mode="r|") as archive:
        for member in archive:
            if not member.isfile() or not _wanted(member.name):
                continue
            if member.size > _LARGEST_DOCUMENT:
                raise ImageError(f"{contents.reference}: /{member.name} has {member.size} bytes")
            file = archive.extractfile(member)
            text = file.read().decode("utf-8", "replace") if file else ""
            if member.name == "var/lib/dpkg/status":
                contents.debian += debian_packages(text)
            elif member.name == "usr/lib/os-release":
                contents.distribution = os_release(text)
            elif member.name.endswith(".list"):
                installed_by_debian.update(line for line in text.splitlines() if line.endswith(_METADATA))
            elif member.name.endswith("/bundle.json"):
                contents.models += _model(text)
            else:
                found += python_package(text, f"/{member.name}")
    contents.python += [package for package in found if package.place not in installed_by_debian]
    contents.debian.sort(key=lambda package: (package.name, package.fields["Architecture"]))
    contents.python.sort(key=lambda package: (package.name.lower(), package.place))


def _wanted(path: str) -> bool:
    return (
        path in {"var/lib/dpkg/status", "usr/lib/os-release"}
        or path.endswith((*_METADATA, "/bundle.json"))
        or (path.startswith("var/lib/dpkg/info/") and path.endswith(".list"))
    )


def debian_packages(status: str) -> list[Package]:
    """The installed packages of a dpkg status file; removed ones, whose settings remain, are not there."""
    packages = []
    for paragraph in status.split("\n\n"):
        fields = HeaderParser().parsestr(paragraph.strip())
        if str(fields["Status"]).split()[-1:] == ["installed"]:
            packages.append(Package(fields["Package"], fields["Version"], "/var/lib/dpkg/status", fields))
    return packages


def python_package(metadata: str, place: str) -> list[Package]:
    """The distribution that a METADATA or PKG-INFO describes; nothing when it names none."""
    fields = HeaderParser().parsestr(metadata)
    if not fields["Name"] or not fields["Version"]:
        return []
    return [Package(fields["Name"], fields["Version"], place, fields)]


def os_release(text: str) -> dict[str, str]:
    """The assignments of /usr/lib/os-release."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name: value.strip("\"'") for name, _, value in pairs}


def _model(text: str) -> list[dict[str, Any]]:
    """The model that a bundle's document describes; another program's bundle.json is not ours."""
    try:
        document = json.loads(text)
    except ValueError:
        return []
    return [document] if isinstance(document, dict) and document.get("schema") == "bundle/1" else []
