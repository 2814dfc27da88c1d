"""Real images for real architectures: `scripts/test-images [PLATFORM ...]` runs these tests, and nothing else does.

`platform` goes through the platforms that were asked for; `images` are the solution's for it, built and pushed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from release.images.record import ImagesRecord
from tests.clone import clone
from tests.e2e.device import ROOT
from tests.e2e.image_suite import Tell, be_patient, write_told
from tests.e2e.images.published import BUILD_S, published

MODULES = ("camera", "classifier", "results_filter")
_ASKED = os.environ.get("TEST_IMAGES", "").split()


@pytest.fixture(scope="session", autouse=True)
def asked_for() -> None:
    if not _ASKED:
        pytest.skip("scripts/test-images runs these: they build images for several architectures")


@pytest.fixture(scope="session", params=_ASKED or ["amd64"])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session", params=MODULES)
def module(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def images(platform: str, tmp_path_factory: pytest.TempPathFactory, tell: Tell) -> ImagesRecord:
    """As `scripts/build --push` records them."""
    record = published(platform, tmp_path_factory.mktemp("record") / "images.json")
    for name, image in record.images.items():
        took = "published already" if image.build_seconds is None else f"built in {image.build_seconds} s"
        tell(f"{platform} {name}: {(image.size_bytes or 0) / 1e6:.1f} MB to download, {took}")
    return record


@pytest.fixture
def solution(tmp_path: Path) -> Path:
    """A copy of the repository with a `.env`, as a user has it."""
    copy = clone(tmp_path / "solution")
    shutil.copy(copy / ".env.template", copy / ".env")
    return copy


Iotedgedev = Callable[..., str]


@pytest.fixture
def iotedgedev(solution: Path, tmp_path: Path) -> Iotedgedev:
    """Run the real one in `solution`: `iotedgedev("build", "-P", "amd64")`; what it said."""
    program = ROOT / ".venv-iotedgedev" / "bin" / "iotedgedev"
    if not program.exists():
        pytest.skip("scripts/venv .venv-iotedgedev requirements/iotedgedev.txt has not been run")
    (tmp_path / "home" / ".iotedgedev").mkdir(parents=True)
    silent = "[DEFAULT]\nfirsttime = no\ncollect_telemetry = no\n"
    (tmp_path / "home" / ".iotedgedev" / "setting.ini").write_text(silent)

    def run(*arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [str(program), *arguments],
            cwd=solution,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    be_patient(items, Path(__file__).parent, BUILD_S)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    write_told(terminalreporter, config, "images")
