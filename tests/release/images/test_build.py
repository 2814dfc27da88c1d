"""What is built, pushed and refused. Engine and registry are fakes here; tests/e2e/images has the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.manifest import ModuleSource
from release.images import build as build_module
from release.images.build import Planned, RefusedError, build, look_up, plan, publish
from release.images.engine import BuildFailedError, Engine, OnStep, PushFailedError
from release.images.registry import CONTENT_LABEL, Login, Published, RegistryError
from tests.release.images.solution import BASE, write_solution

DIGEST = f"sha256:{'d' * 64}"


class FakeEngine(Engine):
    """Builds and pushes in no time; `failing` steps or pushes fail."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.built: list[str] = []
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
        self.shelf.local[tag] = labels[CONTENT_LABEL]
        return "sha256:image"

    def push(self, repository: str, tag: str, login: Login | None) -> None:
        if self.failing:
            raise PushFailedError("denied")
        name = f"{repository}:{tag}"
        self.shelf.published[name] = Published(DIGEST, "sha256:image", self.shelf.local[name], 7)


class Shelf:
    """What the registry has; `plain`: how it was spoken to."""

    def __init__(self) -> None:
        self.local: dict[str, str] = {}
        self.published: dict[str, Published] = {}
        self.plain: dict[str, bool] = {}


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()

    class FakeRegistry:
        def __init__(self, server: str, login: Login | None, *, plain: bool) -> None:
            self.server = server
            shelf.plain[server] = plain

        def published(self, path: str, tag: str) -> Published | None:
            return shelf.published.get(f"{self.server}/{path}:{tag}")

    monkeypatch.setattr(build_module, "Registry", FakeRegistry)
    return shelf


def planned(source: ModuleSource, engine: Engine, *, version_from_content: bool = False) -> Planned:
    (one,) = plan([source], engine, version_from_content=version_from_content, fresh=False)
    return one


def run(one: Planned, engine: Engine) -> object:
    (one,) = look_up([one], engine, lambda _: None)
    made = build(one, engine, {}, lambda *_: None, fresh=False)
    return publish(one, made, engine, lambda _: None)


def test_the_tag_is_module_json_s_or_has_digits_of_the_content(tmp_path: Path, shelf: Shelf) -> None:
    source, engine = write_solution(tmp_path), FakeEngine(shelf)
    assert planned(source, engine).name == "127.0.0.1:5000/eye:1.2.0-amd64"
    one = planned(source, engine, version_from_content=True)
    assert one.tag == f"1.2.0-{one.content_sha256[:12]}-amd64"
    (tmp_path / "libs/kit/a.py").write_text("a = 2\n")
    assert planned(source, engine, version_from_content=True).tag != one.tag


def test_a_new_version_is_built_and_pushed_once(tmp_path: Path, shelf: Shelf) -> None:
    source, engine = write_solution(tmp_path), FakeEngine(shelf)
    first = run(planned(source, engine), engine)
    again = run(planned(source, engine), engine)
    assert engine.built == ["127.0.0.1:5000/eye:1.2.0-amd64"]
    assert getattr(first, "digest", None) == getattr(again, "digest", None) == DIGEST
    assert getattr(first, "size_bytes", None) == 7
    assert getattr(again, "build_seconds", 0) is None


@pytest.mark.parametrize(
    ("known", "part"), [("0" * 64, "with other content (000000000000"), (None, "another tool")]
)
def test_a_published_version_never_gets_other_content(
    tmp_path: Path, shelf: Shelf, known: str | None, part: str
) -> None:
    source, engine = write_solution(tmp_path), FakeEngine(shelf)
    one = planned(source, engine)
    shelf.published[one.name] = Published(DIGEST, "sha256:i", known, 7)
    with pytest.raises(RefusedError) as caught:
        look_up([one, planned(source, engine, version_from_content=True)], engine, lambda _: None)
    assert part in str(caught.value)
    assert f'Raise "version" in {tmp_path}/modules/eye/module.json' in str(caught.value)
    assert engine.built == []


def test_what_somebody_else_pushed_meanwhile_is_refused(tmp_path: Path, shelf: Shelf) -> None:
    source, engine = write_solution(tmp_path), FakeEngine(shelf)
    one = planned(source, engine)
    made = build(one, engine, {}, lambda *_: None, fresh=False)
    shelf.local[one.name] = "0" * 64
    with pytest.raises(RefusedError, match="with other content"):
        publish(one, made, engine, lambda _: None)


def test_a_push_that_left_nothing_is_an_error(tmp_path: Path, shelf: Shelf) -> None:
    source, engine = write_solution(tmp_path), FakeEngine(shelf)
    one = planned(source, engine)
    made = build(one, engine, {}, lambda *_: None, fresh=False)
    engine.push = lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(RegistryError, match="was pushed and is not there"):
        publish(one, made, engine, lambda _: None)


def test_registries_without_tls_are_the_engine_s_to_name(tmp_path: Path, shelf: Shelf) -> None:
    source, engine = write_solution(tmp_path), FakeEngine(shelf)
    one = planned(source, engine)
    servers = ("127.0.0.1:5000", "10.0.0.1:5000", "a.io")
    others = [replace(one, source=replace(source, repository=f"{server}/eye")) for server in servers]
    look_up(others, engine, lambda _: None)
    assert shelf.plain == {"127.0.0.1:5000": True, "10.0.0.1:5000": True, "a.io": False}


def test_a_failed_step_says_what_it_printed(tmp_path: Path, shelf: Shelf) -> None:
    source, engine = write_solution(tmp_path), FakeEngine(shelf)
    engine.failing = True
    with pytest.raises(BuildFailedError, match="step 3") as caught:
        run(planned(source, engine), engine)
    assert caught.value.output == "no wheel of x"
    assert shelf.published == {}
