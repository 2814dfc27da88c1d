"""What a model costs is measured in a process that it may end."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.model import memory
from benchmarks.model.memory import peak_bytes
from image_classifier.bundle import load_bundle
from tests.image_classifier.tiny_model import Tiny

PATH = Path("some.tflite")


def test_the_peak_holds_the_file_and_little_of_the_runtime() -> None:
    tiny, large = Tiny().build(), load_bundle("fast").model_bytes
    of_tiny, of_large = (peak_bytes(PATH, content, 1) for content in (tiny, large))
    assert of_tiny is not None
    assert of_large is not None
    assert len(tiny) < of_tiny < 2 << 20
    # the file and the weights as the delegate packs them
    assert 1.5 * len(large) < of_large < 4 * len(large)


def test_a_refused_model_tells_why() -> None:
    with pytest.raises(BenchmarkError, match=r"some\.tflite: the model cannot be run: .*HostileOp"):
        peak_bytes(PATH, Tiny(custom_op=True).build(), 1)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -SEGV $$", f"it ended the process ({signal.SIGSEGV.name})"),
        ("cat >/dev/null; echo no room >&2; exit 3", "no room"),
        ("exit 3", "no reason given"),
    ],
)
def test_a_model_that_ends_its_process_is_named(
    script: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(BenchmarkError) as caught:
        peak_bytes(PATH, b"", 1)
    assert str(caught.value) == f"some.tflite: the model cannot be run: {message}"


def test_a_model_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TIMEOUT_S", 0.01)
    with pytest.raises(BenchmarkError, match=r"5 invocations took more than 0\.01 s"):
        peak_bytes(PATH, Tiny().build(), 1)
