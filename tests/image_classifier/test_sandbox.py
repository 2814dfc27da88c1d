"""A bundle is proven in a child process, whatever its model does there."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from image_classifier.bundle import Bundle
from image_classifier.errors import BundleError, BundleNotFoundError, UnsafeModelError
from image_classifier.sandbox import check_bundle
from tests.image_classifier.tiny_model import Tiny, base64_text, edit


def replace_model(bundle: Bundle, content: bytes) -> None:
    """Put another model under the bundle and make the hash right, as an attacker would."""
    bundle.model_path.write_bytes(content)
    edit(bundle, "sha256", value=hashlib.sha256(content).hexdigest())


def test_a_good_bundle_passes(tiny_bundle: Bundle) -> None:
    checked = check_bundle(tiny_bundle.folder)
    assert (checked.bundle, checked.vectors) == (tiny_bundle, 2)


def test_the_child_says_under_which_limit_it_ran(tiny_bundle: Bundle) -> None:
    command = [sys.executable, "-m", "image_classifier.probe", str(tiny_bundle.folder)]
    child = subprocess.run(command, capture_output=True, check=True, env={"PYTHONPATH": "libs"})
    answer = json.loads(child.stdout)
    limit = answer["ok"].pop("memoryLimitBytes")
    assert 0 < limit <= 2 << 30
    assert answer == {"ok": {"sha256": tiny_bundle.sha256, "vectors": 2}}


def test_the_childs_refusal_reads_as_if_it_were_loaded_here(tiny_bundle: Bundle) -> None:
    edit(tiny_bundle, "input", "zeroPoint", value=-100)
    with pytest.raises(BundleError) as caught:
        check_bundle(tiny_bundle.folder)
    assert caught.value.field == "input.zeroPoint"
    assert (caught.value.expected, caught.value.actual) == (-128, -100)
    assert str(caught.value).startswith(
        f"{tiny_bundle.document_path}: input.zeroPoint: the model in tiny.tflite"
    )


def test_a_bad_golden_picture_is_named(tiny_bundle: Bundle) -> None:
    edit(tiny_bundle, "goldenVectors", "vectors", 0, "image", value=base64_text(b"GIF89a"))
    with pytest.raises(BundleError, match="a golden picture fails: unsupported_format"):
        check_bundle(tiny_bundle.folder)


def test_a_missing_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError):
        check_bundle(tmp_path)


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ("kill -SEGV $$", "SIGSEGV"),
        ("kill -ABRT $$", "SIGABRT"),
        ("kill -XCPU $$", "SIGXCPU"),  # what the limit on processor time sends
        ("exit 7", "exit code 7"),
        ("echo 'no JSON'", "exit code 0"),
        ("echo '[1]'", "exit code 0"),
    ],
)
def test_a_child_that_ends_badly_does_not_end_the_caller(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str, problem: str
) -> None:
    stand_in = tmp_path / "interpreter"
    stand_in.write_text(f"#!/bin/sh\n{behaviour}\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(UnsafeModelError, match=rf"tiny\.tflite: the model ended the process.*{problem}"):
        check_bundle(tiny_bundle.folder)


def test_a_file_that_changes_between_parent_and_child_is_refused(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the child proved must be what the parent holds."""
    stand_in = tmp_path / "interpreter"
    proven = json.dumps({"ok": {"sha256": "0" * 64, "vectors": 2}})
    stand_in.write_text(f"#!/bin/sh\necho '{proven}'\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    with pytest.raises(BundleError, match=r"tiny\.tflite: sha256: the file changed while it was checked"):
        check_bundle(tiny_bundle.folder)


def test_a_child_that_hangs_is_ended(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "interpreter"
    stand_in.write_text("#!/bin/sh\nexec sleep 60\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    started = time.perf_counter()
    with pytest.raises(UnsafeModelError, match=r"no answer from the model within 0\.5 s"):
        check_bundle(tiny_bundle.folder, timeout_s=0.5)
    assert time.perf_counter() - started < 5


def test_a_model_that_wants_too_much_memory_is_refused(tiny_bundle: Bundle) -> None:
    """40,000 x 40,000 pixels: 4.8 GB of input tensor in a file of a few hundred bytes."""
    content = bytearray(Tiny().build())
    replace_model(
        tiny_bundle,
        bytes(content).replace(b"\x08\0\0\0\x08\0\0\0\x03\0\0\0", b"\x40\x9c\0\0\x40\x9c\0\0\x03\0\0\0"),
    )
    edit(tiny_bundle, "input", "shape", value=[1, 40_000, 40_000, 3])
    with pytest.raises(BundleError, match=r"tiny\.tflite|needs more than"):
        check_bundle(tiny_bundle.folder)


def test_random_mutations_of_a_model_never_end_the_caller(tiny_bundle: Bundle) -> None:
    """A taste; the nightly size belongs to the bundle-safety work."""
    original, dice = Tiny().build(), random.Random(20)  # noqa: S311
    outcomes = set()
    for _ in range(8):
        content = bytearray(original)
        for _ in range(dice.randint(1, 12)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        replace_model(tiny_bundle, bytes(content))
        try:
            check_bundle(tiny_bundle.folder)
            outcomes.add("good")
        except BundleError as error:
            outcomes.add(type(error).__name__)
    assert outcomes - {"good"}


@pytest.mark.parametrize(
    ("harm", "stopped_by"),
    [
        ("bytearray(3 << 30)", "MemoryError"),
        ("open(sys.argv[1], 'wb', 0).write(bytes(10))", "File too large"),
        ("[open('/dev/null') for _ in range(100)]", "Too many open files"),
    ],
)
def test_the_child_limits_itself(tmp_path: Path, harm: str, stopped_by: str) -> None:
    script = f"import signal, sys; from image_classifier.probe import _limit_self; _limit_self(); {harm}"
    command = [sys.executable, "-c", script, str(tmp_path / "written")]
    child = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": "libs"})
    assert child.returncode != 0
    assert stopped_by in child.stderr
