"""`scripts/bench batch`: the share of a bare loop's pace that `scripts/score` has, from files to the table."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.batch.bare_loop import bare_loop
from benchmarks.errors import BenchmarkError
from benchmarks.progress import stage
from image_classifier.labelled import PICTURE_SUFFIXES
from image_classifier.option_types import count
from training.machine import machine

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-batch" / "bin" / "python"
_SMALL = 10
"""The command's own start is left out by a second run on a tenth of the pictures."""


@dataclass(frozen=True, slots=True)
class _Run:
    took_s: float
    cpu_s: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="JPEG and PNG files, some ten thousand")
    parser.add_argument("--bundle", default="fast", help="default fast")
    parser.add_argument("--turns", type=count, default=3, help="of loop and command (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Raises:
        BenchmarkError: no pictures, or .venv-batch is missing.
    """
    if not PYTHON.exists():
        raise BenchmarkError(".venv-batch is not there: run scripts/score --help, which sets it up")
    files = sorted(f for f in options.folder.rglob("*") if f.suffix.lower() in PICTURE_SUFFIXES)
    if len(files) < 2 * _SMALL:
        raise BenchmarkError(f"{options.folder}: {len(files)} pictures; some ten thousand are needed")
    pictures = [file.read_bytes() for file in files]
    cores, turns = len(os.sched_getaffinity(0)), []
    with tempfile.TemporaryDirectory() as scratch:
        small = Path(scratch) / "small"
        small.mkdir()
        for number, picture in enumerate(pictures[: len(pictures) // _SMALL]):
            (small / f"{number}{files[number].suffix}").write_bytes(picture)
        for turn in range(options.turns):
            with stage(f"turn {turn + 1} of {options.turns}"):
                turns.append(_turn(options, pictures, small, Path(scratch) / "table", cores))
    document: dict[str, Any] = {key: round(median(turn[key] for turn in turns), 4) for key in turns[0]}
    document |= {"pictures": len(pictures), "cores": cores, "bundle": options.bundle, "machine": machine()}
    document["loadAverage"] = round(os.getloadavg()[0], 1)
    print(json.dumps(document) if options.json else _text(document))


def _turn(
    options: argparse.Namespace, pictures: list[bytes], small: Path, out: Path, cores: int
) -> dict[str, float]:
    bare = bare_loop(options.bundle, pictures, cores)
    little = _score(small, out, options.bundle)
    all_ = _score(options.folder, out, options.bundle)
    more = len(pictures) - len(pictures) // _SMALL
    if all_.took_s <= little.took_s or all_.cpu_s <= little.cpu_s:
        raise BenchmarkError(f"{len(pictures)} pictures take no longer than their tenth: give more")
    pace = more / (all_.took_s - little.took_s)
    cpu_s = (all_.cpu_s - little.cpu_s) / more
    return {
        "barePerSecond": bare.pictures_per_s,
        "commandPerSecond": pace,
        "shareByClock": pace / bare.pictures_per_s,
        "bareCpuUs": bare.cpu_s * 1e6,
        "commandCpuUs": cpu_s * 1e6,
        "shareByProcessorTime": bare.cpu_s / cpu_s,
        "wholeRunSeconds": all_.took_s,
    }


def _score(folder: Path, out: Path, bundle: str) -> _Run:
    command: list[str | Path] = [
        PYTHON,
        "-P",
        "-m",
        "image_classifier",
        "score",
        folder,
        "--out",
        out,
        "--bundle",
        bundle,
    ]
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(
        [*command, "--restart"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "libs")},
        capture_output=True,
        text=True,
        check=False,
    )
    took_s, after = time.perf_counter() - began, os.times()
    if done.returncode not in (0, 3):
        raise BenchmarkError(f"scripts/score failed: {done.stderr}")
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return _Run(took_s, worked)


def _text(document: dict[str, Any]) -> str:
    head = f"{document['machine']}, {document['cores']} cores, load average {document['loadAverage']}, "
    rows = [("bare loop", "barePerSecond", "bareCpuUs"), ("command", "commandPerSecond", "commandCpuUs")]
    return "\n".join(
        [
            f"{head}{document['pictures']:,} pictures, {document['bundle']}",
            *(
                f"{name:<9} {document[pace]:9,.0f} a second  {document[cpu]:7.1f} us each"
                for name, pace, cpu in rows
            ),
            f"share {document['shareByClock']:.2f} (clock), {document['shareByProcessorTime']:.2f} (processor time)",
            f"whole run with its start: {document['wholeRunSeconds']:.1f} s",
        ]
    )
