"""The record of a release, and who may go where. Deployment and smoke test are commands, which answer as told here."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from release.images.record import ImageRecord, ImagesRecord, RecordError
from release.pipeline import promote_command, record
from release.pipeline.promote import ROOT, Place, PromotionError, promote
from release.pipeline.record import Release, begin
from tests.patience import PATIENCE_S

COMMIT = "5c0d6c9e"


def images(platform: str = "amd64", fill: str = "1", commit: str | None = COMMIT) -> ImagesRecord:
    return ImagesRecord(
        platform=platform,
        commit=commit,
        images={
            name: ImageRecord(
                repository=f"127.0.0.1:5000/{name}",
                tag=f"0.1.0-{platform}",
                digest=f"sha256:{fill * 64}",
                content_sha256=fill * 64,
                image_id=f"sha256:{fill * 64}",
                size_bytes=1,
                build_seconds=1.0,
            )
            for name in ("camera", "classifier")
        },
    )


def release(*built: ImagesRecord) -> Release:
    every = {one.platform: one for one in built or (images(),)}
    return Release(version="1.2.0", commit=COMMIT, created="2026-01-01T00:00:00Z", images=every)


class Commands:
    """What is run, and the exit codes that it ends with, in order; then 0."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.run: list[list[str]] = []
        self.deployed: list[dict[str, Any]] = []

    def __call__(self, command: Sequence[str]) -> int:
        words = [str(Path(command[0]).relative_to(ROOT)), *command[1:]]
        if "--images" in words:
            place = words.index("--images") + 1
            self.deployed.append(json.loads(Path(words[place]).read_text()))
            words[place] = "IMAGES"
        self.run.append(words)
        return self.codes.pop(0) if self.codes else 0


DEPLOY = ["scripts/deploy", "--env", "dev", "--yes"]


def test_a_device_gets_the_digests_and_is_tested() -> None:
    commands, one = Commands(), release()
    promote(one, "dev", "amd64", Place(device="cam-1"), commands)
    assert commands.run == [
        [*DEPLOY, "--device", "cam-1", "--platform", "amd64", "--images", "IMAGES"],
        ["scripts/smoke", "--device", "cam-1"],
    ]
    assert commands.deployed == [json.loads(images().text())]
    passed = one.environments["dev"]["amd64"]
    assert (passed.where, passed.digests) == ("device cam-1", one.digests("amd64"))


def test_many_devices_get_a_deployment_for_each_architecture() -> None:
    commands, one = Commands(), release(images("arm32v7"))
    place = Place(condition="tags.environment='dev'", smoke_device="cam-7")
    promote(one, "dev", "arm32v7", place, commands)
    condition = "(tags.environment='dev') AND tags.platform='arm32v7'"
    assert commands.run[0][4:8] == ["--target-condition", condition, "--name", "edge-vision-dev-arm32v7"]
    assert commands.run[1] == ["scripts/smoke", "--device", "cam-7"]


def test_a_device_of_this_machine_is_named_by_its_state() -> None:
    commands = Commands()
    promote(release(), "dev", "amd64", Place(device="edge", state=Path("/s")), commands)
    assert commands.run[0][4:8] == ["--device", "edge", "--state", "/s"]
    assert commands.run[1] == ["scripts/smoke", "--state", "/s"]


def test_a_failed_deployment_is_not_tested_and_not_noted() -> None:
    commands, one = Commands(5), release()
    with pytest.raises(PromotionError, match=r"1\.2\.0 is not in dev: scripts/deploy ended with exit code 5"):
        promote(one, "dev", "amd64", Place(device="cam-1"), commands)
    assert len(commands.run) == 1
    assert not one.environments


@pytest.mark.parametrize(
    ("back", "told"), [(0, "runs the deployment of before again"), (6, "going back failed")]
)
def test_a_failed_test_goes_back(back: int, told: str) -> None:
    commands, one = Commands(0, 1, back), release()
    with pytest.raises(PromotionError, match=told):
        promote(one, "dev", "amd64", Place(device="cam-1"), commands)
    assert commands.run[2] == [*DEPLOY, "--device", "cam-1", "--restore", "--remove"]
    assert not one.environments


PUTS_BACK = """
import signal, sys, time
try:
    print("changed", flush=True)
    signal.pause()
except KeyboardInterrupt:
    time.sleep(1)
    print("put back", flush=True)
"""


def test_an_interrupted_command_puts_back_what_it_changed() -> None:
    ours = f"from release.pipeline.promote import run; run([{sys.executable!r}, '-c', {PUTS_BACK!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", ours],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "changed\n"
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=PATIENCE_S)
    assert said == "put back\n"
    assert error.rstrip().endswith("KeyboardInterrupt")


def test_only_what_the_environment_before_has_seen_goes_on() -> None:
    one = release(images(), images("arm32v7"))
    assert one.refusal("dev", "amd64") is None
    assert "has not passed dev" in str(one.refusal("test", "amd64"))
    one.passed("dev", "amd64", "device cam-1")
    assert one.refusal("test", "amd64") is None
    assert "for arm32v7 has not passed dev" in str(one.refusal("test", "arm32v7"))
    assert "has not passed test" in str(one.refusal("prod", "amd64"))
    one.images["amd64"] = images(fill="2")
    assert "dev ran other images (camera, classifier) than these" in str(one.refusal("test", "amd64"))


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    one = release()
    one.passed("dev", "amd64", "device cam-1")
    one.write(tmp_path / "config" / "release.json")
    assert record.read(tmp_path / "config" / "release.json") == one
    with pytest.raises(RecordError, match=r"none\.json: No such file"):
        record.read(tmp_path / "none.json")
    (tmp_path / "other.json").write_text('{"schema": "release/2"}')
    with pytest.raises(RecordError, match=r"other\.json: schema: Input should be 'release/1'"):
        record.read(tmp_path / "other.json")


def written(folder: Path, *built: ImagesRecord) -> list[Path]:
    files = []
    for number, one in enumerate(built):
        files.append(folder / f"{number}.json")
        one.write(files[-1])
    return files


def test_a_release_begins_with_what_was_built(tmp_path: Path) -> None:
    one = begin(written(tmp_path, images(), images("arm32v7")), "1.2.0")
    assert (one.version, one.commit, sorted(one.images)) == ("1.2.0", COMMIT, ["amd64", "arm32v7"])


@pytest.mark.parametrize(
    ("built", "told"),
    [
        ((), "no images: scripts/build"),
        ((images(), images("arm32v7", commit="other")), "different commits"),
        ((images(), images()), "amd64 is in another file too"),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, built: tuple[ImagesRecord, ...], told: str) -> None:
    with pytest.raises(RecordError, match=told):
        begin(written(tmp_path, *built), "1.2.0")


def test_an_image_that_was_never_pushed_is_refused(tmp_path: Path) -> None:
    (file,) = written(tmp_path, images())
    document = json.loads(file.read_text())
    document["images"]["camera"]["digest"] = None
    file.write_text(json.dumps(document))
    with pytest.raises(RecordError, match="camera was never pushed"):
        begin([file], "1.2.0")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "prod", "--from", "dev"], "prod is reached from test, not from dev"),
        (["--to", "test", "--from", "dev"], "has not passed dev"),
        (["--to", "test", "--platform", "arm64v8"], "has no images for arm64v8"),
    ],
)
def test_the_command_refuses(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "release.json"
    release().write(file)
    code = promote_command.main([*arguments, "--release", str(file), "--device", "cam-1"])
    assert (code, told in capsys.readouterr().err) == (2, True)


def test_what_was_built_from_no_commit_stays_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(tmp_path, images(commit=f"{COMMIT}-dirty"))
    arguments = [
        "--to",
        "dev",
        "--images",
        str(files[0]),
        "--release",
        str(tmp_path / "r"),
        "--device",
        "cam-1",
    ]
    assert promote_command.main(arguments) == 2
    assert "were not built from a commit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "tested"),
    [
        (["--smoke-device", "amd64=pc-1 arm32v7=cam-1"], 0, {"amd64": "pc-1", "arm32v7": "cam-1"}),
        (["--smoke-device", "arm32v7=cam-1"], 0, {"arm32v7": "cam-1"}),
        (["--smoke-device", "cam=1", "--platform", "amd64"], 0, {"amd64": "cam=1"}),
        (["--smoke-device", "cam-1"], 2, {}),
        (["--smoke-device", "armhf=cam-1"], 2, {}),
        (["--smoke-device", "arm32v7=cam-1", "--platform", "amd64", "--platform", "arm32v7"], 2, {}),
        (["--device", "cam-1"], 2, {}),
    ],
)
def test_each_platform_is_tested_on_a_device_of_its_own(
    arguments: list[str], code: int, tested: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = written(tmp_path, images(), images("arm32v7"))
    chosen = [word for file in files for word in ("--images", str(file))]
    seen: dict[str, str | None] = {}

    def note(one: Release, target: str, platform: str, place: Place) -> None:
        seen[platform] = place.smoke_device
        one.passed(target, platform, "somewhere")

    monkeypatch.setattr(promote_command, "promote", note)
    told = ["--to", "dev", "--release", str(tmp_path / "release.json"), *chosen, *arguments]
    assert promote_command.main(told) == code
    assert seen == tested


def test_somebody_must_say_which_device_is_tested(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "release.json"
    release().write(file)
    assert promote_command.main(["--to", "test", "--release", str(file)]) == 2
    assert "--smoke-device" in capsys.readouterr().err
