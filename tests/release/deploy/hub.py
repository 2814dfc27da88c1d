"""An IoT Hub in memory with the device `edge`, for what `scripts/deploy` decides; tests/e2e has the real parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from release.deploy.automatic import Automatic
from release.deploy.content import AGENT, HUB, Sections, lay, modules_of
from release.deploy.follow import Pace
from release.deploy.masking import Masker
from release.deploy.options import parse
from release.deploy.session import Session
from release.deploy.twins import ModuleTwin, Snapshot
from release.deploy.view import View
from tests.release.deploy.twins import agent_desired, definition, runs

CONDITION = "tags.environment='dev'"
ROUTES: dict[str, Any] = {"routes": {}}


def content(image: str) -> dict[str, Any]:
    """A deployment of the module `camera`. A device crashes with an image that ends with `broken`."""
    return {
        AGENT: {"properties.desired": agent_desired(camera=definition(image))},
        HUB: {"properties.desired": ROUTES},
    }


def layer(module: str, image: str) -> dict[str, Any]:
    """One more module. With an image that ends with `needy` it crashes where it is the only layer."""
    return {AGENT: {f"properties.desired.modules.{module}": definition(image)}}


def session(*arguments: str) -> Session:
    """That never waits: what is not well at the first look is late."""
    options = parse(["--env", "dev", "--yes", "--remove", *arguments])
    pace = Pace(timeout_s=0.0, settle_s=0.0, patience_s=0.0, poll_s=0.0)
    return Session(replace(options, pace=pace), View(Masker(), machine=False))


class HubInMemory:
    """`created` and `looked` are called after each creation and before each look at the twins.

    `slow`: so many looks later the agent has seen its deployment.
    """

    host = "hub"
    query_pause_s = 0.0

    def __init__(self) -> None:
        self.configurations: dict[str, Automatic] = {}
        self.own: Sections = {}
        self.queries = 0
        self.slow = 0
        self.created: Callable[[], None] = lambda: None
        self.looked: Callable[[], None] = lambda: None
        self.version = 0
        self._count = 0
        self.apply("edge", content("r/camera:0"))

    def automatic(self) -> list[Automatic]:
        return list(self.configurations.values())

    def create(self, automatic: Automatic) -> None:
        self._count += 1
        self.configurations[automatic.name] = replace(automatic, created=f"{self._count:04}")
        self.created()

    def update(self, automatic: Automatic) -> None:
        stands = self.configurations[automatic.name]
        assert stands.content == automatic.content
        self.configurations[automatic.name] = replace(
            stands, condition=automatic.condition, labels=automatic.labels
        )

    def delete(self, name: str) -> None:
        del self.configurations[name]

    def targeted(self, condition: str) -> list[str]:
        self.queries += 1
        return ["edge"] if condition else []

    def applied(self, name: str) -> list[str]:
        self.queries += 1
        return ["edge"] if name in [one.name for one in self._in_force()] else []

    def apply(self, _device: str, modules_content: Mapping[str, Any]) -> None:
        self.version += 1
        self.own = lay(modules_content, {})

    def snapshots(self, devices: Iterable[str], modules: Iterable[str] = ()) -> dict[str, Snapshot]:
        return {device: self.snapshot(device, modules) for device in devices}

    def snapshot(self, _device: str, _modules: Iterable[str] = ()) -> Snapshot:
        self.looked()
        self.slow = max(0, self.slow - 1)
        in_force = self._in_force()
        sections = self.own
        for one in in_force:
            sections = lay(one.content, sections)
        alone = sum(one.is_layer for one in in_force) < 2
        agent = {
            "lastDesiredVersion": 0 if self.slow else self.version,
            "lastDesiredStatus": {"code": 200},
            "systemModules": {
                name: {**entry, "runtimeStatus": "running"}
                for name, entry in sections[AGENT]["systemModules"].items()
            },
            "modules": {name: _reported(entry, alone) for name, entry in modules_of(sections).items()},
        }
        return {
            AGENT: ModuleTwin(sections[AGENT], self.version, agent),
            HUB: ModuleTwin(sections[HUB], 1, {"lastDesiredVersion": 1, "lastDesiredStatus": {"code": 200}}),
        }

    def images(self) -> list[str]:
        """What the device is to run."""
        modules = modules_of({AGENT: self.snapshot("edge")[AGENT].desired})
        return sorted(entry["settings"]["image"] for entry in modules.values())

    def _in_force(self) -> list[Automatic]:
        """The base, if there is one, and the layers above it."""
        applying = sorted((one for one in self.automatic() if one.condition), key=lambda one: one.rank)
        bases = [one for one in applying if not one.is_layer][-1:]
        return bases + [one for one in applying if one.is_layer and bases and one.rank > bases[0].rank]


def _reported(entry: Mapping[str, Any], alone: bool) -> dict[str, Any]:
    image = entry["settings"]["image"]
    crashes = image.endswith("broken") or (alone and image.endswith("needy"))
    state = {"runtimeStatus": "backoff", "restartCount": 2} if crashes else {}
    return runs(image, started=image, **state)
