"""The page says what the document says, and says so when something was not measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from training.report.document import BundleReport, Drop, QualityCurve, QualityReport, Reference, Report
from training.report.jpeg_quality import CHROMA, QUALITIES
from training.report.other_commands import ROOT, OtherCommandError, json_of
from training.report.page import page
from training.report.references import DIRECTORY_VARIABLE, default_files, describe
from training.report.tables import standard_error, table

LABELS = ("airplane", "ship")


def evaluation(top1: float) -> dict[str, Any]:
    bins = [
        {"low": 0.0, "high": 0.5, "n": 0, "confidence": None, "accuracy": None},
        {"low": 0.5, "high": 1.0, "n": 400, "confidence": 0.8123, "accuracy": top1},
    ]
    curve = [{"margin": m, "abstained": m / 2, "answered": 9, "accuracy": top1 + m / 9} for m in (0.0, 0.5)]
    return {
        "top1": top1,
        "n": 400,
        "perClass": {label: {"n": 200, "precision": top1 - 0.01, "recall": top1 + 0.01} for label in LABELS},
        "calibration": {"expectedError": 0.0321, "reliability": bins},
        "abstention": {
            "own": {"margin": 0.1, "abstained": 0.0456, "answered": 380, "accuracy": top1 + 0.02},
            "curve": curve,
        },
        "confusion": {"labels": LABELS, "counts": [[190, 10], [20, 180]]},
    }


def quality(own: str, drop: float) -> QualityReport:
    levels = tuple(0.7 + q / 500 for q in QUALITIES)
    curves = [
        QualityCurve(
            model=model,
            chroma=chroma,
            seen_in_training=model != own,
            top1=levels,
            drop=Drop(better=95, worse=50, top1=drop, standard_error=0.0111),
        )
        for chroma in CHROMA
        for model in (own, "ResNet-8 int8")
    ]
    return QualityReport(
        n=763, qualities=QUALITIES, lossless={own: 0.9444, "ResNet-8 int8": 0.9555}, curves=tuple(curves)
    )


def model(name: str, kind: str, ratio: float, top1: float) -> dict[str, Any]:
    facts = {"name": name, "kind": kind, "bytes": 1_365_632, "macs": 45_012_345, "latencyRatio": ratio}
    times = {"medianMs": 0.12345, "p95Ms": 0.23456, "peakMemoryMiB": 2.875}
    return facts | times | {"accuracy": {"jpeg": {"top1": top1, "n": 400}}}


def bundle(name: str, top1: float, drop: float, **changes: Any) -> BundleReport:
    training = {
        "data": "CIFAR-10 train",
        "commit": "abc",
        "seed": 1,
        "command": "scripts/train",
        "minutes": 61.5,
    }
    facts = {
        "name": name,
        "version": "1.0.0",
        "sha256": "0" * 64,
        "description": "a network.",
        "training": training | {"machine": "a machine", "epochs": 12},
        "test": evaluation(top1),
        "quality": quality(name, drop),
    }
    return BundleReport.model_validate(facts | changes)


def report(**changes: Any) -> Report:
    models = [
        model("pretrainedResnet_quant.tflite", "reference", 1.0, 0.7542),
        model("fast", "bundle", 0.701, 0.9123),
        model("accurate", "bundle", 2.345, 0.9234),
    ]
    facts: dict[str, Any] = {
        "command": "scripts/evaluate --bundle fast --bundle accurate",
        "machine": "a machine, 2 cores",
        "runtime": "a-runtime 1.2.3",
        "test_data": "CIFAR-10 test, JPEG files",
        "bundles": (bundle("fast", 0.9123, 0.0251), bundle("accurate", 0.9234, 0.0352)),
        "references": (describe(Path("pretrainedResnet_quant.tflite")),),
        "bench": {"models": models, "threads": 1, "runtime": "a-runtime 1.2.3", "machine": "a machine"},
    }
    return Report.model_validate(facts | changes)


def row(text: str, *starts: str) -> list[str]:
    """The cells of the one table row that begins with these cells."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in text.splitlines()
        if line[:1] == "|"
    ]
    (found,) = [cells for cells in rows if tuple(cells[: len(starts)]) == starts]
    return found


def test_the_opening_says_what_was_measured_and_what_training_took() -> None:
    opening = page(report()).partition("## ")[0]
    assert "Written by `scripts/evaluate`" in opening
    assert "400 pictures" in opening
    assert "a-runtime 1.2.3 with one thread on a machine, 2 cores" in opening
    assert "`scripts/evaluate --bundle fast --bundle accurate`" in opening
    assert (
        opening.count("trained in 12 epochs, 61.5 minutes on a machine, by `scripts/train` at commit `abc`")
        == 2
    )
    assert not re.search(r"20\d\d-\d\d", opening)


@pytest.mark.parametrize(
    ("name", "measure", "measured", "verdict"),
    [
        ("fast", "model file", "1.37 MB", "met"),
        ("fast", "multiply-accumulates", "45.0 million", "met"),
        ("accurate", "multiply-accumulates", "45.0 million", ""),
        ("fast", "latency ratio to ResNet-8 int8", "0.701", "met"),
        ("accurate", "latency ratio to ResNet-8 int8", "2.345", "**missed**"),
        ("fast", "JPEG test top-1", "0.9123 ± 0.0141 (400)", "met"),
        ("accurate", "JPEG test top-1", "0.9234 ± 0.0133 (400)", "**missed**"),
        ("fast", "top-1 lost from JPEG quality 95 to 50, 4:2:0", "0.0251 ± 0.0111", "met"),
        ("accurate", "top-1 lost from JPEG quality 95 to 50, 4:4:4", "0.0352 ± 0.0111", "**missed**"),
    ],
)
def test_what_is_met_and_what_is_missed(name: str, measure: str, measured: str, verdict: str) -> None:
    found = row(page(report()).partition("## Latency")[0], f"`{name}`", measure)
    assert found[3:] == [measured, *([verdict] if verdict else [])]


def test_lossless_test_images_are_not_claimed() -> None:
    found = row(page(report()), "`fast`", "lossless test top-1")
    assert found[2] == "at least 0.93"
    assert found[3].startswith("not here; 0.9444 ± 0.0083 on 763 held-out training records")
    models = report().bench
    assert models is not None
    models["models"][1]["accuracy"]["lossless"] = {"top1": 0.9123, "n": 10_000}
    assert row(page(report(bench=models)), "`fast`", "lossless test top-1")[3:] == ["0.9123", "**missed**"]


def test_every_table_says_what_the_document_says() -> None:
    text = page(report())
    assert row(text, "**fast**") == [
        "**fast**", "0.701", "0.123", "0.235", "45.0", "1,366", "2.9", "0.9123", "–",  # noqa: RUF001
    ]  # fmt: skip
    assert row(text, "ResNet-8 int8", "1.000")[-2:] == ["0.7542", "0.877 †"]
    assert row(text, "ship") == ["ship", "0.9023", "0.9223", "0.9134", "0.9334"]
    fast = next(part for part in text.split("\n\n") if part.startswith("| 763 records unseen by fast"))
    lost = ["0.9444", "0.8900", "0.8000", "0.0251 ± 0.0111"]
    assert row(fast, "fast", "4:2:0")[2:] == lost
    assert row(fast, "ResNet-8 int8 *", "4:4:4")[2:] == ["0.9555", *lost[1:]]
    assert row(text, "0.50 to 1.00") == ["0.50 to 1.00", "400", "0.8123", "0.9123", "400", "0.8123", "0.9234"]
    assert row(text, "0.1") == ["0.1", "0.0456", "0.9323", "0.0456", "0.9434"]
    assert "`fast` 0.0321" in text


def test_what_was_not_measured_is_said_with_the_reason() -> None:
    bundles = (bundle("fast", 0.9, 0, quality=None, quality_problem="it was trained elsewhere"),)
    text = page(
        report(bundles=bundles, bench=None, bench_problem="scripts/bench model ended with exit code 1")
    )
    assert "`fast`: not measured. it was trained elsewhere." in text
    assert "Not measured: scripts/bench model ended with exit code 1." in text
    assert row(text, "`fast`", "model file")[3:] == ["not measured"]
    assert "jpeg-quality.png" not in text
    assert "latency.png" not in text


def test_without_reference_models_the_page_says_so() -> None:
    models = [model("fast", "bundle", 1.0, 0.91) | {"latencyRatio": None}]
    bench = {"models": models, "threads": 1, "runtime": "r", "machine": "m"}
    text = page(report(references=(), bench=bench))
    assert "No models of MLPerf Tiny were at hand" in text
    assert row(text, "`fast`", "latency ratio to ResNet-8 int8")[3:] == ["not measured"]


def test_a_teacher_is_trained_before_its_pupil() -> None:
    pupil = bundle("fast", 0.9, 0.02, trainings=("tutor", "fast"))
    later = bundle("accurate", 0.9, 0.02, trainings=("teacher", "tutor", "fast", "accurate"))
    commands = [f"scripts/train --bundle {name}\n" for name in ("tutor", "fast", "teacher", "accurate")]
    assert f"sh\n{''.join(commands)}scripts/parity" in page(report(bundles=(pupil, later)))


def test_what_a_training_took_from_others_is_told() -> None:
    settings = {"begin_with": "older", "distillation": {"teacher": ["one", "two"], "weight": 0.7}}
    pupil = bundle("fast", 0.9, 0.02, training={"data": "CIFAR-10 train", "settings": settings})
    text = page(report(bundles=(pupil,)))
    assert "begun with the weights of `older`, taught by `one` and `two`; data: CIFAR-10 train." in text


def test_a_bundle_without_a_configuration_is_trained_by_its_name() -> None:
    text = page(report(bundles=(bundle("mine", 0.9, 0.02),)))
    assert "sh\nscripts/train --bundle mine\nscripts/parity" in text


def test_recorded_agreements_are_shown() -> None:
    agreement = {
        "first": "LiteRT 2.3.0", "second": "tflite-runtime 2.14.0", "n": 10_000, "sameAnswer": 0.9971,
        "sameTensor": 10_000, "largestDifference": 0.0862, "meanDifference": 0.00123, "top1": [0.9123, 0.9119],
    }  # fmt: skip
    text = page(report(bundles=(bundle("fast", 0.9, 0, parity=(agreement,)), bundle("accurate", 0.9, 0))))
    cells = [
        "LiteRT 2.3.0",
        "tflite-runtime 2.14.0",
        "10,000",
        "0.9971",
        "10,000",
        "0.0862",
        "0.9123 / 0.9119",
    ]
    assert row(text, "`fast`", "LiteRT 2.3.0") == ["`fast`", *cells]
    assert "`accurate` has nothing on record" in text


def test_the_document_survives_its_own_json() -> None:
    before = report()
    assert page(Report.model_validate_json(before.model_dump_json(by_alias=True))) == page(before)


def test_references_are_found_by_the_folder_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    assert default_files() == []
    for name in ("pretrainedResnet.tflite", "pretrainedResnet_quant.tflite", "another.tflite"):
        (tmp_path / name).touch()
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    assert [file.name for file in default_files()] == [
        "pretrainedResnet_quant.tflite",
        "pretrainedResnet.tflite",
    ]
    assert describe(tmp_path / "another.tflite") == Reference(name="another", file="another.tflite")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("exit 3", r" model ended with exit code 3"),
        ("echo no json", r" model printed no JSON document"),
        ("echo []", r" model printed a list, expected a JSON object"),
    ],
)
def test_another_command_that_fails_is_named(tmp_path: Path, script: str, problem: str) -> None:
    file = tmp_path / "command"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    with pytest.raises(OtherCommandError, match=problem):
        json_of(str(file), ["model", "--json"])
    with pytest.raises(OtherCommandError, match=r"nothing cannot be started: No such file"):
        json_of(str(ROOT / "nothing"), [])


def test_tables() -> None:
    assert table(("a", "n"), [("x|y", "1")]) == "| a | n |\n| --- | ---: |\n| x\\|y | 1 |"
    assert standard_error(0.9, 10_000) == pytest.approx(0.003)
