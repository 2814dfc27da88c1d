"""A bundle is proven in a child process, whatever its model does there."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_classifier.bundle import Bundle
from image_classifier.checks import MENDS, Check
from image_classifier.errors import BundleError, BundleNotFoundError, UnsafeModelError
from image_classifier.sandbox import Sandbox, check_bundle
from tests.image_classifier.tiny_model import Tiny, base64_text, edit, make_bundle


def replace_model(bundle: Bundle, content: bytes) -> None:
    """Put another model under the bundle and make the hash right, as an attacker would."""
    bundle.model_path.write_bytes(content)
    edit(bundle, "sha256", value=hashlib.sha256(content).hexdigest())


StandIn = Callable[[str], None]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """`stand_in(script)`: the shell's script runs in place of the child's Python."""

    def write(script: str) -> None:
        program = tmp_path / "interpreter"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return write


def test_a_good_bundle_passes(tiny_bundle: Bundle) -> None:
    checked = check_bundle(tiny_bundle.folder)
    assert (checked.bundle, checked.vectors) == (tiny_bundle, 2)


def test_a_sandbox_tries_one_bundle_after_the_other(tiny_bundle: Bundle, tmp_path: Path) -> None:
    """A refused one, a good one and one that kills its process leave no trace for the next."""
    refused, deadly = make_bundle(tmp_path / "refused"), make_bundle(tmp_path / "deadly")
    edit(refused, "input", "zeroPoint", value=-100)
    with Sandbox() as sandbox:
        for _ in range(2):
            with pytest.raises(BundleError, match=r"input\.zeroPoint"):
                sandbox.check(refused.folder)
            assert sandbox.check(tiny_bundle.folder).vectors == 2
            with pytest.raises(UnsafeModelError, match=r"no answer from the model within 0 s"):
                sandbox.check(deadly.folder, timeout_s=0)


def test_the_checks_are_reported_in_order(tiny_bundle: Bundle) -> None:
    seen: list[Check] = []
    checked = check_bundle(tiny_bundle.folder, report=seen.append)
    assert checked.checks == tuple(seen)
    assert [check.name for check in seen] == list(MENDS)
    assert all(check.passed and check.figure for check in seen)


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
    tiny_bundle: Bundle, stand_in: StandIn, behaviour: str, problem: str
) -> None:
    stand_in(behaviour)
    with pytest.raises(UnsafeModelError, match=rf"tiny\.tflite: the model ended the process.*{problem}"):
        check_bundle(tiny_bundle.folder)


def test_a_file_that_changes_between_parent_and_child_is_refused(
    tiny_bundle: Bundle, stand_in: StandIn
) -> None:
    """What the child proved must be what the parent holds."""
    proven = json.dumps({"ok": {"sha256": "0" * 64, "vectors": 2}})
    answer = json.dumps({"said": [proven], "ended": None, "lastWords": ""})
    stand_in(f"read request\ncat <<'END'\n{answer}\nEND\nsleep 10")
    with pytest.raises(BundleError, match=r"tiny\.tflite: sha256: the file changed while it was checked"):
        check_bundle(tiny_bundle.folder)


def test_a_child_that_hangs_is_ended(tiny_bundle: Bundle, stand_in: StandIn) -> None:
    stand_in("exec sleep 60")
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


def trial(harm: str, *arguments: str) -> dict[str, Any]:
    """What the child answers when a model does `harm` (an expression) in the process that tries it."""
    script = (
        "import json, os, resource, signal, socket, sys; from image_classifier import probe\n"
        f"probe._prove = lambda folder, budget_ms, said: {harm}\n"
        "print(json.dumps(probe._try({'folder': '.', 'budgetMs': 1})))"
    )
    command = [sys.executable, "-c", script, *arguments]
    child = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "libs"})
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


@pytest.mark.parametrize(
    ("harm", "ended", "last_words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV", ""),
        ("os.abort()", "SIGABRT", ""),
        ("os._exit(9)", "exit code 9", ""),
        ("1 / 0", "exit code 1", "ZeroDivisionError: division by zero"),
        ("bytearray(3 << 30)", "exit code 1", "MemoryError:"),
        ("open(sys.argv[1], 'wb', 0).write(bytes(10))", "exit code 1", "File too large"),
        ("[open('/dev/null') for _ in range(100)]", "exit code 1", "Too many open files"),
        ("print('x' * 100, file=sys.stderr)", None, "x" * 100),
        ("[os.write(2, bytes(1 << 16)) for _ in range(100)]", "SIGKILL", ""),
        ("[os.write(said, bytes(1 << 16)) for _ in range(100)]", "SIGKILL", ""),
        ("print(sys.stdin.read())", None, ""),
    ],
)
def test_what_a_model_does_stays_in_its_process(
    tmp_path: Path, harm: str, ended: str | None, last_words: str
) -> None:
    answer = trial(harm, str(tmp_path / "written"))
    assert answer["ended"] == ended
    assert last_words in answer["lastWords"]


def test_the_limits_of_the_process_that_tries_a_model() -> None:
    limits = "[resource.getrlimit(getattr(resource, 'RLIMIT_' + k)) for k in ('AS', 'CPU', 'CORE', 'FSIZE', 'NPROC')]"
    memory, seconds, *nothing = json.loads(trial(f"os.write(said, json.dumps({limits}).encode())")["said"][0])
    assert 0 < memory[1] <= 2 << 30
    assert 0 < seconds[1] <= 30
    assert nothing == [[0, 0]] * 3


def test_only_the_pipe_to_the_child_is_open_in_a_trial() -> None:
    """A model's process must not be able to answer in the child's name."""
    open_files = "[os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n != str(said)]"
    script = f"os.write(said, json.dumps([f for f in {open_files.replace('os.readlink', 'str')}]).encode())"
    numbers = json.loads(trial(script)["said"][0])
    assert sorted(numbers)[:3] == [f"/proc/self/fd/{n}" for n in range(3)]
    assert len(numbers) == 4  # and the one that lists the folder


def test_the_child_has_no_key_of_ours(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> None:
    stand_in(f"env > {tmp_path}/environment")
    monkeypatch.setenv("SCORING_KEY_PRIMARY", "secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere::")
    with pytest.raises(UnsafeModelError):
        check_bundle(tiny_bundle.folder)
    environment = (tmp_path / "environment").read_text()
    assert "secret" not in environment
    (path,) = [line for line in environment.splitlines() if line.startswith("PYTHONPATH=")]
    assert path.endswith("/libs:/somewhere")


def test_a_child_gives_up_the_network_where_it_can() -> None:
    script = (
        "from image_classifier.probe import isolate; isolate()\n"
        "print(len(open('/proc/net/dev').read().splitlines()) - 2)\n"
        "print(*[line for line in open('/proc/self/status') if line.startswith('NoNewPrivs')])"
    )
    command = [sys.executable, "-c", script]
    child = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "libs"})
    interfaces, privileges = child.stdout.split("\n", 1)
    assert privileges.split() == ["NoNewPrivs:", "1"]
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0:
        assert interfaces == "1"
