"""`scripts/parity` on the golden vectors, with the true runtimes that are there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from image_classifier.bundle import Bundle, load_bundle
from image_classifier.runtime import Kernels
from tests.image_classifier.tiny_model import edit
from tests.parity.paths import write_pictures
from training.parity import ask, compare, container
from training.parity.__main__ import main
from training.parity.answers import Answers
from training.parity.container import build, require_engine
from training.parity.environments import TFLITE, Environment, NotAskedError
from training.parity.record import record
from training.samples import golden_pictures

ROOT = Path(__file__).parents[2]


@pytest.fixture
def no_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `.venv-tflite` nor `.venv-train` is asked: a test installs nothing."""

    def absent(self: Environment, module: str, bundle: Bundle, *options: str) -> Answers:
        raise NotAskedError(f"{self.folder}: not here")

    monkeypatch.setattr(Environment, "ask", absent)


@pytest.fixture
def copy(tmp_path: Path) -> Bundle:
    """The shipped `fast` in a folder of its own."""
    fast = load_bundle("fast")
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in (fast.file, "bundle.json"):
        (folder / name).write_bytes((fast.folder / name).read_bytes())
    return load_bundle(folder)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main([*arguments, "--json"])
    (found,) = json.loads(capsys.readouterr().out)["bundles"]
    return code, found


@pytest.mark.usefixtures("no_environments")
def test_golden_vectors_on_all_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run(capsys, "--bundle", "fast", "--golden")
    assert code == 3
    assert found["notAsked"] == [".venv-tflite: not here"]
    differences = found["golden"]["differences"]
    assert any("reference kernels" in runtime for runtime in differences)
    names = [vector.name for vector in load_bundle("fast").golden_vectors]
    assert all(list(values) == names for values in differences.values())
    assert found["broken"] == []


@pytest.mark.usefixtures("no_environments")
def test_another_recorded_answer_breaks_the_limit(copy: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    edit(copy, "goldenVectors", "vectors", 2, "probabilities", value=[0.1] * 10)
    code, found = run(capsys, "--bundle", str(copy.folder), "--golden")
    assert code == 1
    assert len(found["broken"]) == 2
    assert "golden vector scene-frog differs by" in found["broken"][0]


@pytest.mark.usefixtures("no_environments")
def test_pictures_are_compared_and_recorded(
    copy: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(copy, "goldenVectors", "tolerance", value=0.5)
    data = write_pictures(tmp_path / "data")
    code, found = run(capsys, "--bundle", str(copy.folder), "--data", str(data), "--limit", "4", "--record")
    assert code == 3
    assert [(row["n"], row["sameTensor"]) for row in found["agreements"]] == [(4, 4)]
    recorded = load_bundle(copy.folder)
    assert recorded.measured["parity"] == found["agreements"]
    assert recorded.golden_tolerance < 0.1
    assert recorded.measured["accuracy"] == copy.measured["accuracy"]
    assert recorded.golden_vectors == copy.golden_vectors


@pytest.mark.usefixtures("no_environments")
def test_a_runtime_that_answers_otherwise_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ask.answers

    def one_is_wrong(bundle: Bundle, pictures: list[Any], kernels: Kernels) -> Answers:
        found = real(bundle, pictures, kernels)
        if kernels is Kernels.REFERENCE:
            found.probabilities[:] = np.roll(found.probabilities, 1, axis=1)
        return found

    monkeypatch.setattr(ask, "answers", one_is_wrong)
    code, found = run(capsys, "--bundle", "fast", "--data", str(write_pictures(tmp_path / "data")))
    assert code == 1
    assert "15 of 15 have another answer, at most 1" in found["broken"][0]


def test_recording_keeps_older_agreements(copy: Bundle) -> None:
    edit(copy, "measured", "parity", value=[{"first": "a", "second": "b"}])
    assert record(copy.folder).measured["parity"] == [{"first": "a", "second": "b"}]
    assert len(load_bundle(copy.folder).golden_vectors) == len(list(golden_pictures()))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--bundle", "none-such", "--golden"], 1, "no bundle of this name or path"),
        (["--bundle", "fast", "--data", "/nowhere"], 1, "/nowhere: does not exist"),
    ],
)
def test_bad_input(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--golden", "--data", "x"], ["--data", "x", "--limit", "0"]])
def test_wrong_usage(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIFAR10_DIR", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


# --- tflite-runtime ------------------------------------------------------------------------------------


@pytest.mark.skipif(
    not (ROOT / ".venv-tflite" / "bin" / "python").exists(),
    reason=".venv-tflite is not there; scripts/parity sets it up",
)
def test_tflite_runtime_gives_the_golden_answers() -> None:
    found = compare.Comparison(load_bundle("fast"))
    found.add_golden(TFLITE.ask("training.parity.ask", found.bundle))
    assert [runtime.split(",")[0] for runtime in found.golden] == ["tflite-runtime 2.14.0"]
    assert found.broken() == []


# --- 32-bit Arm ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_environments")
@pytest.mark.parametrize(
    ("path", "message"),
    [("", "no `docker` command: install Docker's CLI"), (None, "no Docker engine: ")],
)
def test_without_an_engine_it_says_so(
    path: str | None,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if path is None:
        docker = tmp_path / "docker"
        docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
        docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) if path is None else path)
    code, found = run(capsys, "--bundle", "fast", "--golden", "--platform", "arm32v7")
    assert code == 3
    assert found["notAsked"][1].startswith(message)


@pytest.fixture(scope="module")
def arm_image() -> container.ModuleImage:
    """The module's image for 32-bit Arm, which takes minutes to build under QEMU: `scripts/test-images` asks for it."""
    if "arm32v7" not in os.environ.get("TEST_IMAGES", "").split():
        pytest.skip("scripts/test-images arm32v7 runs it")
    try:
        require_engine()
    except NotAskedError as error:
        pytest.skip(str(error))
    return build("arm32v7")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_golden_vectors_pass_in_the_arm32v7_container(arm_image: container.ModuleImage, copy: Bundle) -> None:
    checked = arm_image.check(copy)
    assert checked.passed, checked.text
    found = compare.Comparison(copy)
    found.add_golden(arm_image.ask(copy, []))
    assert list(found.golden) == ["tflite-runtime 2.14.0, armv7l"]
    assert found.broken() == []

    edit(copy, "goldenVectors", "vectors", 0, "tensorSha256", value="0" * 64)
    refused = arm_image.check(load_bundle(copy.folder))
    assert not refused.passed
    assert "tensorSha256" in refused.text
