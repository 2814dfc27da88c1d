"""An engine and its registries in memory; tests/e2e/images has the real ones."""

from __future__ import annotations

from collections.abc import Mapping

from edge_runtime.manifest import ModuleSource
from release.images.engine import BuildFailedError, Engine, OnStep, PushFailedError
from release.images.registry import CONTENT_LABEL, Login, Published
from tests.release.images.solution import BASE

DIGEST = f"sha256:{'d' * 64}"
IMAGE = "sha256:image"


class Shelf:
    """What the engine has by id, and the registries by name; `plain`: how they were spoken to."""

    def __init__(self) -> None:
        self.local: dict[str, str] = {}
        self.published: dict[str, Published] = {}
        self.plain: dict[str, bool] = {}


class FakeEngine(Engine):
    """Builds and pushes in no time; `failing` steps or pushes fail."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.built: list[str] = []
        self.pushed: list[str] = []
        self.failing = False

    def speaks_plainly_with(self, server: str) -> bool:
        return server == "10.0.0.1:5000"

    def provide(self, image: str, platform: str, *, fresh: bool = False) -> str:
        assert (image, platform) == (BASE, "amd64")
        return "sha256:base"

    def check_platform(self, platform: str, base: str) -> None:
        assert (platform, base) == ("amd64", BASE)

    def build(
        self,
        source: ModuleSource,
        tag: str,
        labels: Mapping[str, str],
        on_step: OnStep,
        *,
        fresh: bool = False,
    ) -> str:
        if self.failing:
            raise BuildFailedError("step 3 returned 1", "no wheel of x")
        on_step(1, 1, "FROM")
        self.built.append(tag)
        self.shelf.local[IMAGE] = labels[CONTENT_LABEL]
        return IMAGE

    def size_bytes(self, image: str) -> int:
        return 3 * len(self.shelf.local[image])

    def push(self, image: str, repository: str, tag: str, login: Login | None) -> None:
        if self.failing:
            raise PushFailedError("denied")
        name = f"{repository}:{tag}"
        self.pushed.append(name)
        self.shelf.published[name] = Published(DIGEST, image, self.shelf.local[image], 7)

    def close(self) -> None:
        """It has no connection."""


class FakeRegistry:
    """One of the shelf's."""

    shelf: Shelf

    def __init__(self, server: str, login: Login | None, *, plain: bool) -> None:
        self.server = server
        self.shelf.plain[server] = plain

    def published(self, path: str, tag: str) -> Published | None:
        return self.shelf.published.get(f"{self.server}/{path}:{tag}")
