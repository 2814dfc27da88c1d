from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from serving import keys
from serving.errors import ConfigurationError
from serving.keys import KeyRing, keys_from
from tests.serving.running import KEY, OTHER_KEY, RunningService, running


def test_both_keys_of_the_environment_are_good_and_nothing_else_is() -> None:
    ring = keys_from({"SCORING_KEY_PRIMARY": KEY, "SCORING_KEY_SECONDARY": OTHER_KEY})
    assert ring.admits(KEY.encode())
    assert ring.admits(OTHER_KEY.encode())
    for wrong in (b"", KEY.encode()[:-1], KEY.encode() + b"x", KEY.upper().encode(), b"\xff" * 100):
        assert not ring.admits(wrong)


def test_the_spaces_around_a_key_of_the_environment_are_not_its_own() -> None:
    ring = keys_from({"SCORING_KEY_PRIMARY": f"{KEY}\n"})
    assert ring.admits(KEY.encode())


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SCORING_KEY_PRIMARY": ""},
        {"SCORING_KEY_PRIMARY": " \n"},
        {"SCORING_KEY_PRIMARY_FILE": "/does/not/exist"},
    ],
)
def test_a_service_without_a_key_does_not_start(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="SCORING_KEY_PRIMARY"):
        keys_from(environment)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A Secret as Kubernetes mounts it: files are links into a folder that is replaced as a whole."""
    mount(tmp_path, "one", primary="first-key-of-the-test\n", secondary="second-key-of-the-test")
    return tmp_path


def mount(folder: Path, generation: str, **files: str) -> None:
    (folder / generation).mkdir()
    for name, key in files.items():
        (folder / generation / name).write_text(key)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    (folder / "..new").symlink_to(generation)
    (folder / "..new").rename(folder / "..data")


def ring_of(secret: Path) -> KeyRing:
    return KeyRing({}, {keys.PRIMARY: secret / "primary", keys.SECONDARY: secret / "secondary"})


def test_a_mounted_secret_is_read_again(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "READ_AGAIN_S", 0.0)
    ring = ring_of(secret)
    assert ring.admits(b"first-key-of-the-test")
    mount(secret, "two", primary="third-key-of-the-test", secondary="second-key-of-the-test")
    assert not ring.admits(b"first-key-of-the-test")
    assert ring.admits(b"third-key-of-the-test")
    assert ring.admits(b"second-key-of-the-test")


def test_a_key_that_is_withdrawn_or_empty_admits_nobody(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "READ_AGAIN_S", 0.0)
    ring = ring_of(secret)
    (secret / "primary").unlink()
    mount(secret, "two", secondary=" \n")
    assert not ring.admits(b"first-key-of-the-test")
    assert not ring.admits(b"second-key-of-the-test")
    assert not ring.admits(b"")


def test_files_are_not_read_for_every_request(secret: Path) -> None:
    ring = ring_of(secret)
    mount(secret, "two", primary="third-key-of-the-test")
    assert ring.admits(b"first-key-of-the-test")


def test_keys_rotate_while_the_service_runs(secret: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    environment = {
        "SCORING_KEY_PRIMARY": "",
        "SCORING_KEY_SECONDARY": "",
        "SCORING_KEY_PRIMARY_FILE": str(secret / "primary"),
        "SCORING_KEY_SECONDARY_FILE": str(secret / "secondary"),
    }
    with running(tmp_path_factory.mktemp("rotation"), environment=environment, workers=1) as service:
        assert status_with(service, "first-key-of-the-test") == 200
        mount(secret, "two", primary="third-key-of-the-test", secondary="second-key-of-the-test")
        while status_with(service, "third-key-of-the-test") != 200:
            time.sleep(0.05)
        assert status_with(service, "first-key-of-the-test") == 401
        assert status_with(service, "second-key-of-the-test") == 200
        assert b"third-key" not in service.log.read_bytes()
        for pid in (service.process.pid, *service.workers()):
            assert b"third-key" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert os.listdir(service.log.parent) == ["serving.log"]  # noqa: PTH208 - names


def status_with(service: RunningService, key: str) -> int:
    return service.request("GET", "/v2", headers={"Authorization": f"Bearer {key}"}).status
