"""The Docker engine that builds and pushes, through the SDK that `iotedgedev` uses as well: one context, one cache.

EngineError (release/engine.py)
    PlatformError            it cannot run this platform's programs
    BuildFailedError         a Dockerfile's step failed; carries the end of its output
    PushFailedError          the registry took it not
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from docker import APIClient
from docker.errors import APIError, ContainerError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from edge_runtime.manifest import ModuleSource
from release.engine import EngineError, connect
from release.images.registry import Login

ARCHITECTURES = {"amd64": "amd64", "arm32v7": "armhf", "arm64v8": "arm64"}
"""Debian's names of the platforms of module.json."""
_DOCKER_PLATFORMS = {"amd64": "linux/amd64", "arm32v7": "linux/arm/v7", "arm64v8": "linux/arm64"}
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_TAIL_LINES = 40

OnStep = Callable[[int, int, str], None]
"""Called with the step's number, how many there are, and its text."""


class PlatformError(EngineError):
    """The engine cannot run this platform's programs."""


class BuildFailedError(EngineError):
    """A step failed; `output` is the end of what it printed."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(reason)
        self.output = output


class PushFailedError(EngineError):
    """The registry did not take the image."""


class Engine:
    """One engine; calls block."""

    def __init__(self) -> None:
        """Raises EngineUnreachableError."""
        self._client = connect()
        self._api: APIClient = self._client.api

    def speaks_plainly_with(self, server: str) -> bool:
        """Whether it was told that this registry has no TLS (`insecure-registries`)."""
        known = self._api.info().get("RegistryConfig", {}).get("IndexConfigs") or {}
        return known.get(server, {}).get("Secure") is False

    def provide(self, image: str, platform: str, *, fresh: bool = False) -> str:
        """Have an image here, pulled where it is missing or `fresh` is asked for; its id. Raises EngineError.

        Docker Hub's images of one architecture are lists of one: without its name an engine of another pulls none.
        """
        here = self._id(image)
        if here and not fresh:
            return here
        try:
            wanted = _DOCKER_PLATFORMS.get(platform.partition(".")[0])
            lines = self._api.pull(image, stream=True, decode=True, platform=wanted)
            refusals = [str(line["error"]) for line in lines if "error" in line]
        except (DockerException, RequestException) as error:
            refusals = [str(error)]
        if refusals and not here:
            raise EngineError(f"the base image {image} cannot be pulled: {refusals[0]}")
        # One that is here and cannot be pulled was made on this machine.
        return self._id(image) or ""

    def check_platform(self, platform: str, base: str) -> None:
        """Raises PlatformError where a program of the platform does not start, or the base image is another's."""
        expected = ARCHITECTURES.get(platform.partition(".")[0])
        if expected is None:
            return
        try:
            printed = self._client.containers.run(base, ["dpkg", "--print-architecture"], remove=True)
        except (ContainerError, APIError) as error:
            if "exec format error" in str(error).lower():
                raise PlatformError(
                    f"this machine cannot run programs of {platform} (exec format error): install QEMU's user "
                    "emulation (apt-get install qemu-user-static binfmt-support), or build on such a machine"
                ) from error
            return  # not Debian's, so nobody knows what it would say
        found = printed.decode(errors="replace").strip()
        if found != expected:
            raise PlatformError(
                f"{base} is an image of {found} on this machine, {platform} needs {expected}: docker image rm "
                f"{base}, and docker pull it again"
            )

    def build(
        self,
        source: ModuleSource,
        tag: str,
        labels: Mapping[str, str],
        on_step: OnStep,
        *,
        fresh: bool = False,
    ) -> str:
        """Build; the image's id. `fresh`: no layer of an earlier build is taken. Raises BuildFailedError."""
        output: deque[str] = deque(maxlen=_TAIL_LINES)
        identifier = ""
        try:
            lines = self._api.build(
                path=str(source.context),
                dockerfile=os.path.relpath(source.dockerfile, source.context),
                tag=tag,
                labels=dict(labels),
                buildargs=source.build_arguments,
                rm=True,
                forcerm=True,
                nocache=fresh,
                decode=True,
            )
            for line in lines:
                text = str(line.get("stream", ""))
                if step := _STEP.match(text):
                    on_step(int(step[1]), int(step[2]), step[3].strip())
                output.extend(filter(str.strip, text.splitlines()))
                identifier = line.get("aux", {}).get("ID", identifier)
                if "error" in line:
                    raise BuildFailedError(str(line["error"]).strip(), "\n".join(output))
        except (DockerException, RequestException) as error:
            raise BuildFailedError(f"the engine does not build {tag}: {error}", "\n".join(output)) from error
        return identifier

    def size_bytes(self, image: str) -> int:
        """Of all its layers, unpacked. Raises EngineError."""
        try:
            return int(self._client.images.get(image).attrs["Size"])
        except DockerException as error:
            raise EngineError(f"the engine does not know {image}: {error}") from error

    def push(self, image: str, repository: str, tag: str, login: Login | None) -> None:
        """Push the image of this id under a name. Raises PushFailedError."""
        try:
            self._client.images.get(image).tag(repository, tag)
        except ImageNotFound:
            raise PushFailedError(
                f"{repository}:{tag} was not pushed: the image {image} is not on this engine any more; build it again"
            ) from None
        try:
            lines: Iterable[dict[str, Any]] = self._api.push(
                repository, tag, stream=True, decode=True, auth_config=login.auth_config if login else None
            )
            for line in lines:
                if "error" in line:
                    raise PushFailedError(f"{repository}:{tag} was not pushed: {line['error']}")
        except (APIError, RequestException) as error:
            raise PushFailedError(f"{repository}:{tag} was not pushed: {error}") from error

    def close(self) -> None:
        self._client.close()

    def _id(self, image: str) -> str | None:
        try:
            return str(self._client.images.get(image).id)
        except ImageNotFound:
            return None
