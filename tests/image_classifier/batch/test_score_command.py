"""`python -m image_classifier score` from pictures to the table, killed and taken up again. Needs .venv-batch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from image_classifier.__main__ import main
from image_classifier.bundle import Bundle
from image_classifier.classifier import Classifier
from image_classifier.labelled import RECORD_BYTES
from tests.data import random_records
from tests.image_classifier.tiny_model import encode, plain
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-batch" / "bin" / "python"
needs_pyarrow = pytest.mark.skipif(
    not PYTHON.exists(), reason=".venv-batch is not there; scripts/test-targets sets it up"
)
_AS_JSON = "import json, sys, pyarrow.parquet as p; t = p.read_table(sys.argv[1]); json.dump(t.to_pylist(), sys.stdout)"


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    errors: str


def python(*arguments: str | Path) -> Done:
    done = subprocess.run(
        [PYTHON, "-P", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "libs")},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        start_new_session=True,
    )
    told = [line for line in done.stderr.splitlines() if not line.startswith("INFO: Created TensorFlow")]
    return Done(done.returncode, done.stdout, "\n".join(told))


def score(*arguments: str | Path) -> Done:
    return python("-m", "image_classifier", "score", *arguments)


def rows(table: Path) -> list[dict[str, Any]]:
    done = python("-c", _AS_JSON, table)
    assert done.code == 0, done.errors
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


@needs_pyarrow
def test_a_folder_of_everything(tiny_bundle: Bundle, tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    shades = {f"sub/{level:03}.png": encode(plain((level, 120, 40))) for level in range(60, 180, 10)}
    shades["red.jpg"] = encode(plain((250, 0, 0)), "JPEG")
    for name, content in shades.items():
        (source / name).write_bytes(content)
    (source / "cut.png").write_bytes(shades["sub/060.png"][:-9])
    (source / "notes.txt").write_text("no picture")
    (source / "two.bin").write_bytes(random_records(2))
    out = tmp_path / "results.parquet"
    done = score(source, "--out", out, "--bundle", tiny_bundle.folder, "--json")
    assert done.code == 3
    document = json.loads(done.out)
    assert (document["pictures"], document["scored"], document["takenUp"]) == (16, 15, 0)
    assert document["bad"] == {
        "count": 1,
        "byReason": {"truncated": 1},
        "listed": [{"picture": "cut.png", "error": "truncated", "detail": "the PNG has no end chunk"}],
    }
    assert document["ignored"] == {".txt": 1}
    assert not out.with_name("results.parquet.work").exists()
    table = {row["picture"]: row for row in rows(out)}
    assert list(table) == ["cut.png", "red.jpg", "two.bin#0", "two.bin#1", *sorted(shades)[1:]]
    classifier = Classifier(tiny_bundle)
    for name, content in shades.items():
        expected, row = classifier.classify(content, 3), table[name]
        assert (row["label"], row["abstained"]) == (expected.top[0].label, expected.abstained)
        assert row["probability"] == expected.top[0].probability
        assert row["probabilities"] == classifier.probabilities(classifier.tensor(content)).tolist()
        assert row["truth"] is row["error"] is row["detail"] is None
    assert table["two.bin#1"]["truth"] == "green"
    assert table["cut.png"] == {
        **dict.fromkeys(table["cut.png"]),
        "picture": "cut.png",
        "error": "truncated",
        "detail": "the PNG has no end chunk",
    }


def records_of_which_one_file_is_bad(folder: Path) -> Path:
    """80 pictures: 8 parts of 10 for one worker, 16 of 5 for two."""
    source = folder / "in"
    source.mkdir()
    (source / "a.bin").write_bytes(random_records(79))
    (source / "b.bin").write_bytes(bytes(RECORD_BYTES - 1))
    return source


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("undisturbed")
    source = records_of_which_one_file_is_bad(folder)
    assert score(source, "--out", folder / "results.parquet", "--workers", "1").code == 3
    return source, folder / "results.parquet"


PARTS = 8
AT: Sequence[tuple[str, int]] = (
    ("before", 0),  # the journal
    ("after", 0),
    ("after", 4),
    ("before", 1 + PARTS),  # the table, within the work
    ("after", 2 + PARTS),
)


@needs_pyarrow
@pytest.mark.parametrize(("moment", "number"), AT)
def test_killed_at_any_step_the_same_command_ends_with_the_same_bytes(
    undisturbed: tuple[Path, Path], tmp_path: Path, moment: str, number: int
) -> None:
    source, expected = undisturbed
    out = tmp_path / "results.parquet"
    interrupted = Path(__file__).with_name("interrupted.py")
    command = ("score", source, "--out", out, "--workers", "1")
    killed = python(interrupted, "SIGKILL", moment, str(number), *command)
    assert killed.code == -signal.SIGKILL
    for pid in map(int, killed.out.split()):
        wait_for_the_end_of(pid)
    done = score(*command[1:], "--json")
    assert done.code == 3, done.errors
    parts_before = min(PARTS, max(0, number - (moment == "before")))
    assert json.loads(done.out)["takenUp"] == parts_before * 10
    assert out.read_bytes() == expected.read_bytes()
    assert list(tmp_path.iterdir()) == [out]


def wait_for_the_end_of(pid: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, "a worker goes on when its parent is dead"
        time.sleep(0.02)


@needs_pyarrow
def test_ctrl_c_ends_workers_says_how_to_go_on_and_keeps_what_is_done(
    undisturbed: tuple[Path, Path], tmp_path: Path
) -> None:
    source, expected = undisturbed
    out = tmp_path / "results.parquet"
    command = ("score", source, "--out", out, "--workers", "2")
    stopped = python(Path(__file__).with_name("interrupted.py"), "SIGINT", "after", "3", *command)
    assert (stopped.code, stopped.errors) == (
        130,
        "stopped; the same command goes on with what is done, --restart begins anew",
    )
    pids = stopped.out.split()
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    done = score(*command[1:], "--json")
    assert json.loads(done.out)["takenUp"] == 15
    assert out.read_bytes() == expected.read_bytes()


@needs_pyarrow
def test_a_part_that_the_disk_damaged_is_scored_again(undisturbed: tuple[Path, Path], tmp_path: Path) -> None:
    source, expected = undisturbed
    out = tmp_path / "results.parquet"
    command = ("score", source, "--out", out, "--workers", "1")
    python(Path(__file__).with_name("interrupted.py"), "SIGKILL", "after", "3", *command)
    part = tmp_path / "results.parquet.work" / "part-00000001.arrow"
    part.write_bytes(part.read_bytes()[:100])
    assert json.loads(score(*command[1:], "--json").out)["takenUp"] == 20
    assert out.read_bytes() == expected.read_bytes()


@needs_pyarrow
def test_work_of_another_input_bundle_or_content_is_refused(tmp_path: Path) -> None:
    source = records_of_which_one_file_is_bad(tmp_path)
    out = tmp_path / "results.parquet"
    python(Path(__file__).with_name("interrupted.py"), "SIGKILL", "after", "1", "score", source, "--out", out)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.bin").write_bytes(random_records(1))
    refused = score(other, "--out", out)
    assert refused.code == 1
    assert f"holds the work of another input: '{source}', now '{other}'; go on" in refused.errors
    refused = score(source, "--out", out, "--bundle", "accurate")
    assert refused.code == 1
    assert "holds the work of another bundle" in refused.errors
    (source / "a.bin").write_bytes(random_records(78))
    refused = score(source, "--out", out)
    assert (refused.code, refused.errors) == (
        1,
        f"{source / 'a.bin'}: has changed since the work began; begin anew with --restart",
    )
    assert score(source, "--out", out, "--restart").code == 3
    assert len(rows(out)) == 79
    refused = score(source, "--out", out)
    assert refused.code == 1
    assert f"{out}: exists; --restart scores anew and replaces it" in refused.errors


@needs_pyarrow
def test_what_cannot_be_used_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "results.parquet"
    refused = score(tmp_path / "gone", "--out", out)
    assert (refused.code, refused.errors) == (1, f"{tmp_path / 'gone'}: there is no such file or folder")
    (tmp_path / "a.bin").write_bytes(random_records(1))
    refused = score(tmp_path / "a.bin", "--out", "/proc/results.parquet")
    assert (refused.code, "/proc/results.parquet.work: cannot be written" in refused.errors) == (1, True)
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_without_pyarrow_the_mend_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.bin").write_bytes(random_records(1))
    assert main(["score", str(tmp_path / "a.bin"), "--out", str(tmp_path / "r.parquet")]) == 1
    assert "needs pyarrow" in (said := capsys.readouterr().err)
    assert "start scripts/score" in said
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_the_command_line_loads_nothing_that_only_a_desk_has() -> None:
    code = "import sys, image_classifier.__main__; print({'pyarrow', 'rich', 'pydantic'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": str(ROOT / "libs")},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout == "set()\n"
