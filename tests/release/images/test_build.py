"""What is built, and what is taken or refused since it is published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_runtime.manifest import ModuleSource
from release.images.build import Planned, build, look_up, plan
from release.images.content import ContentError
from release.images.engine import BuildFailedError, Engine
from release.images.publish import RefusedError, Registries
from release.images.record import ImageRecord
from release.images.registry import Published
from tests.release.images.shelf import DIGEST, IMAGE, FakeEngine, Shelf
from tests.release.images.solution import write_solution


def planned(source: ModuleSource, engine: Engine, *, version_from_content: bool = False) -> Planned:
    (one,) = plan([source], engine, version_from_content=version_from_content, fresh=False)
    return one


def made(one: Planned, engine: Engine) -> ImageRecord:
    return build(one, engine, {}, lambda *_: None, fresh=False)


def test_the_tag_is_module_json_s_or_has_digits_of_the_content(tmp_path: Path, engine: FakeEngine) -> None:
    source = write_solution(tmp_path)
    assert planned(source, engine).name == "127.0.0.1:5000/eye:1.2.0-amd64"
    one = planned(source, engine, version_from_content=True)
    assert one.tag == f"1.2.0-{one.content_sha256[:12]}-amd64"
    (tmp_path / "libs/kit/a.py").write_text("a = 2\n")
    assert planned(source, engine, version_from_content=True).tag != one.tag


def test_a_build_is_recorded_with_its_size_here(tmp_path: Path, engine: FakeEngine) -> None:
    one = planned(write_solution(tmp_path), engine)
    record = made(one, engine)
    assert (record.image_id, record.digest, record.size_bytes) == (IMAGE, None, None)
    assert record.unpacked_bytes == 3 * 64
    assert record.build_seconds is not None
    assert record.reference == one.name


def test_what_is_published_is_not_built(
    tmp_path: Path, shelf: Shelf, engine: FakeEngine, registries: Registries
) -> None:
    one = planned(write_solution(tmp_path), engine)
    shelf.published[one.name] = Published(DIGEST, "sha256:another-machine-s", one.content_sha256, 7)
    (known,) = look_up([one], registries)
    record = made(known, engine)
    assert engine.built == []
    assert (record.digest, record.image_id, record.size_bytes) == (DIGEST, "sha256:another-machine-s", 7)
    assert (record.build_seconds, record.unpacked_bytes) == (None, None)


@pytest.mark.parametrize(
    ("known", "part"), [("0" * 64, "with other content (000000000000"), (None, "another tool")]
)
def test_a_published_version_never_gets_other_content(
    tmp_path: Path, shelf: Shelf, engine: FakeEngine, registries: Registries, known: str | None, part: str
) -> None:
    source = write_solution(tmp_path)
    one = planned(source, engine)
    shelf.published[one.name] = Published(DIGEST, "sha256:i", known, 7)
    with pytest.raises(RefusedError) as caught:
        look_up([one, planned(source, engine, version_from_content=True)], registries)
    assert part in str(caught.value)
    assert f'Raise "version" in {tmp_path}/modules/eye/module.json' in str(caught.value)


def test_registries_without_tls_are_the_engine_s_to_name(
    tmp_path: Path, shelf: Shelf, engine: FakeEngine, registries: Registries
) -> None:
    one = planned(write_solution(tmp_path), engine)
    servers = ("127.0.0.1:5000", "10.0.0.1:5000", "a.io")
    others = [replace(one, source=replace(one.source, repository=f"{server}/eye")) for server in servers]
    look_up(others, registries)
    assert shelf.plain == {"127.0.0.1:5000": True, "10.0.0.1:5000": True, "a.io": False}


def test_a_failed_step_says_what_it_printed(tmp_path: Path, engine: FakeEngine) -> None:
    one = planned(write_solution(tmp_path), engine)
    engine.failing = True
    with pytest.raises(BuildFailedError, match="step 3") as caught:
        made(one, engine)
    assert caught.value.output == "no wheel of x"


@pytest.mark.parametrize(
    "option",
    ["--network host", "--label=a=b", "--target build", "--build-arg HTTP_PROXY", "--build-arg", "A=1"],
)
def test_build_options_that_would_be_left_out_are_refused(
    tmp_path: Path, engine: FakeEngine, option: str
) -> None:
    source = replace(write_solution(tmp_path), build_options=("--rm", option))
    with pytest.raises(ContentError) as caught:
        planned(source, engine)
    assert f"{tmp_path}/modules/eye/module.json: image.buildOptions: {option!r}" in str(caught.value)


@pytest.mark.parametrize(
    "option", ["--build-arg A=1", "--build-arg=A=b c", "--rm", "--tag=x", "-t x", "-f Dockerfile"]
)
def test_build_options_that_iotedgedev_takes_or_ignores_are_taken(
    tmp_path: Path, engine: FakeEngine, option: str
) -> None:
    source = replace(write_solution(tmp_path), build_options=(option,))
    assert planned(source, engine).tag == "1.2.0-amd64"
