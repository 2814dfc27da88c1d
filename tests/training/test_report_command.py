"""`scripts/evaluate` from a bundle and a data set to the page and its pictures. Needs .venv-evaluate."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from image_classifier.classifier import Classifier
from image_classifier.evaluate import evaluate
from tests.training.report_data import write_bundle, write_data
from training.loading import load_split
from training.pictures import labelled
from training.report.document import Report
from training.report.page import page
from training.report.references import DIRECTORY_VARIABLE

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "evaluate.txt"
STAMP = ROOT / ".venv-evaluate" / ".installed-evaluate.txt"

pytestmark = pytest.mark.skipif(
    not STAMP.is_file() or STAMP.read_bytes() != LOCK.read_bytes(),
    reason=".venv-evaluate is not set up for requirements/evaluate.txt: run scripts/evaluate --help",
)

PICTURES = {"confusion-seed.png", "jpeg-quality.png", "reliability.png", "abstention.png"}


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "evaluate"), *map(str, arguments)]
    environment = {k: v for k, v in os.environ.items() if k not in ("CIFAR10_DIR", DIRECTORY_VARIABLE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_a_bundle_to_the_page(tmp_path: Path) -> None:
    data, out = write_data(tmp_path / "data"), tmp_path / "docs"
    bundle = write_bundle(tmp_path / "bundles" / "seed", data)
    done = run("--bundle", bundle.folder, "--data", data, "--out", out, "--seconds", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = Report.model_validate_json(done.stdout)
    text = (out / "model.md").read_text()
    assert text == page(report)
    assert "No models of MLPerf Tiny were at hand" in text

    images, _ = load_split(data, "test")
    expected = evaluate(Classifier(bundle), labelled(images, "test")).document()
    measured = report.bundles[0].test
    for key in ("top1", "n", "perClass", "calibration", "abstention", "confusion"):
        assert measured[key] == expected[key]
    quality = report.bundles[0].quality
    assert quality is not None
    assert quality.n > 5
    assert report.bench is not None
    assert f"| {report.bench['models'][0]['medianMs']:.3f} |" in text

    pictures = {path.name: path.read_bytes() for path in (out / "model").iterdir()}
    named = set(re.findall(r"\]\(model/([^)]+)\)", text))
    # the tiny test split has no JPEG files, so there is nothing to set against the latencies
    assert set(pictures) == named == PICTURES
    for name in pictures:
        with Image.open(out / "model" / name) as picture:
            assert 1200 <= picture.width <= 1400
            assert "Software" not in picture.info

    document, again = tmp_path / "report.json", tmp_path / "again"
    document.write_text(done.stdout)
    (again / "model").mkdir(parents=True)
    (again / "model" / "confusion-of-old.png").touch()
    rendered = run("--render", document, "--out", again)
    assert rendered.returncode == 0, rendered.stderr
    assert rendered.stdout.strip() == str(again / "model.md")
    assert (again / "model.md").read_text() == text
    assert {path.name: path.read_bytes() for path in (again / "model").iterdir()} == pictures


CROWD = """
from matplotlib.text import Text
from training.report.bench_rows import BenchRow
from training.report.plots.latency import draw

def row(number, own):
    kind, published = ("bundle", None) if own else ("reference", 0.9)
    facts = dict(bytes=1, macs=1, p95_ms=1.0, latency_ratio=1.0, peak_memory_mib=1.0, lossless=None)
    return BenchRow(f"model {number}", kind, median_ms=0.2 + number / 500, jpeg=0.8 + number / 500,
                    published_lossless=published, **facts)

figure = draw(tuple(row(number, number > 2) for number in range(5)), "a machine")
figure.draw_without_rendering()
axes, = figure.axes
boxes = [Text.get_window_extent(text) for text in axes.texts]
print(len(boxes), sum(a.overlaps(b) for a in boxes for b in boxes if a is not b))
"""


def test_names_of_models_that_lie_close_do_not_cover_each_other() -> None:
    python = ROOT / ".venv-evaluate" / "bin" / "python"
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}"}
    done = subprocess.run([python, "-c", CROWD], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["8", "0"]  # five names, three published figures


def test_a_document_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps({"command": "scripts/evaluate"}))
    done = run("--render", file, "--out", tmp_path)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"{file}: machine: Field required; expected what scripts/evaluate --json printed"
    )


def test_a_bundle_of_other_classes_is_refused(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    bundle = write_bundle(tmp_path / "seed", data)
    document = json.loads(bundle.document_path.read_text())
    document["labels"] = [f"class {number}" for number in range(10)]
    bundle.document_path.write_text(json.dumps(document))
    done = run("--bundle", bundle.folder, "--data", data, "--out", tmp_path / "docs")
    assert done.returncode == 1
    assert f"{bundle.document_path}: its labels are not those of CIFAR-10" in done.stderr
    assert not (tmp_path / "docs").exists()


def test_without_data_the_usage_names_the_mend() -> None:
    done = run()
    assert done.returncode == 2
    assert "no data: give --data DIR or set CIFAR10_DIR" in done.stderr
