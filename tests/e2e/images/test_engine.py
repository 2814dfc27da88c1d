"""What `scripts/build` asks a real engine before it builds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from release.engine import EngineError
from release.images.engine import Engine, PlatformError
from tests.e2e.docker.conftest import api as engine_api

api = engine_api


@pytest.fixture
def engine(api: object) -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


def test_the_base_image_s_programs_start_here(engine: Engine, platform: str) -> None:
    base = f"{platform}/debian:bookworm-slim"
    assert engine.provide(base, platform) == engine.provide(base, platform)
    assert engine.provide(base, platform).startswith("sha256:")
    engine.check_platform(platform, base)
    engine.check_platform(f"{platform}.debug", base)


def test_a_base_image_of_another_architecture_is_told(engine: Engine, platform: str) -> None:
    base = f"{platform}/debian:bookworm-slim"
    other = "arm32v7" if platform == "amd64" else "amd64"
    with pytest.raises(PlatformError, match=rf"{base} is an image of \w+ on this machine, {other} needs"):
        engine.check_platform(other, base)


def test_a_base_image_that_is_nowhere_is_named(engine: Engine) -> None:
    with pytest.raises(EngineError, match=r"the base image 127\.0\.0\.1:1/none:1 cannot be pulled"):
        engine.provide("127.0.0.1:1/none:1", "amd64")
