"""The numbers and the command line, on a model whose right answers are known."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path

import pytest

from image_classifier.__main__ import main
from image_classifier.bundle import Bundle
from image_classifier.classifier import Classifier
from image_classifier.evaluate import Answer, evaluate
from image_classifier.labelled import DataSetError, Labelled
from image_classifier.seal import seal
from tests.image_classifier.test_labelled import record
from tests.image_classifier.tiny_model import draft, encode, plain

RED, GREEN, BLUE, GREY = (encode(plain(c)) for c in ((250, 0, 0), (0, 250, 0), (0, 0, 250), (9, 9, 9)))


def test_counts(tiny_bundle: Bundle) -> None:
    truths = [(RED, 0), (RED, 0), (RED, 1), (GREEN, 1), (BLUE, 2), (GREY, 2), (RED[:-9], 0), (b"", 1)]
    pictures = [Labelled(picture, label, str(i)) for i, (picture, label) in enumerate(truths)]
    result = evaluate(Classifier(tiny_bundle), pictures).document()
    assert (result["n"], result["top1"]) == (6, pytest.approx(4 / 6, abs=1e-6))
    assert result["abstained"] == 1  # grey
    assert result["badImages"] == {"truncated": 1, "empty": 1}
    assert result["perClass"] == {
        "red": {"n": 2, "precision": 0.5, "recall": 1.0},  # a green and the grey (a tie) were called red too
        "green": {"n": 2, "precision": 1.0, "recall": 0.5},
        "blue": {"n": 2, "precision": 1.0, "recall": 0.5},
    }
    for stage in ("decode", "infer", "total"):
        assert 0 < result["latencyMs"][stage]["median"] <= result["latencyMs"][stage]["p95"]


def test_a_class_never_seen_or_answered_has_no_ratio(tiny_bundle: Bundle) -> None:
    result = evaluate(Classifier(tiny_bundle), [Labelled(RED, 1, "one")])
    assert result.per_class()["blue"] == {"n": 0, "precision": None, "recall": None}
    assert result.per_class()["green"] == {"n": 1, "precision": None, "recall": 0.0}


def test_the_confusion_matrix_has_a_row_for_each_truth(tiny_bundle: Bundle) -> None:
    pictures = [
        Labelled(picture, label, "") for picture, label in ((RED, 1), (RED, 1), (GREEN, 2), (BLUE, 2))
    ]
    confusion = evaluate(Classifier(tiny_bundle), pictures).document()["confusion"]
    assert confusion == {"labels": ["red", "green", "blue"], "counts": [[0, 0, 0], [2, 0, 0], [0, 1, 1]]}


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5, 1.0])
def test_the_curve_abstains_where_the_classifier_does(tiny_bundle: Bundle, margin: float) -> None:
    shades = [encode(plain((level, 120, 40))) for level in range(60, 180, 3)]
    pictures = [Labelled(picture, number % 2, str(number)) for number, picture in enumerate(shades)]
    classifier = Classifier(tiny_bundle, margin=margin)
    result = evaluate(classifier, pictures)
    own = result.own_abstention()
    assert (own.margin, len(shades) - own.answered) == (margin, result.abstained)
    assert own.abstained == pytest.approx(result.abstained / len(shades))
    point = {point.margin: point for point in result.abstention()}
    assert point[0].answered == len(shades)
    assert point[0].accuracy == pytest.approx(result.top1)
    answered = [classifier.classify(picture, 3) for picture in shades]
    sure = [i for i, a in enumerate(answered) if a.top[0].probability - a.top[1].probability >= 0.5]
    assert 0 < len(sure) < len(shades)
    right = [i for i in sure if answered[i].top[0].label == ("red", "green")[i % 2]]
    assert point[0.5].answered == len(sure)
    assert point[0.5].accuracy == pytest.approx(len(right) / len(sure))


def test_each_picture_s_answer_is_told_in_order(tiny_bundle: Bundle) -> None:
    told: list[Answer] = []
    pictures = [Labelled(picture, 2, name) for picture, name in ((BLUE, "b"), (b"", "empty"), (RED, "r"))]
    evaluate(Classifier(tiny_bundle), pictures, told.append)
    assert [(a.picture.origin, a.answer, a.refused) for a in told] == [
        ("b", 2, None),
        ("empty", None, "empty"),
        ("r", 0, None),
    ]
    assert told[0].probabilities[2] > 0.9  # in the order of the labels, not of the probabilities
    assert told[2].probabilities[0] > 0.9
    assert sum(told[0].probabilities) == pytest.approx(1, abs=0.02)


def test_nothing_to_measure_is_an_error_and_no_zero(tiny_bundle: Bundle) -> None:
    with pytest.raises(DataSetError, match=r"no picture could be classified \(1 could not be decoded\)"):
        evaluate(Classifier(tiny_bundle), [Labelled(b"", 0, "empty")])


def test_command_evaluate_records(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "batch.bin"
    path.write_bytes(record(0, (250, 0, 0)) + record(1, (0, 250, 0)) + record(1, (0, 0, 250)))
    command = ["evaluate", str(tiny_bundle.folder), "--records", str(path)]
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], round(result["top1"], 3)) == (3, 0.667)
    assert result["bundle"]["sha256"] == tiny_bundle.sha256
    assert main([*command, "--limit", "2"]) == 0
    assert "top-1 1.0000 of 2 pictures" in capsys.readouterr().out


def test_command_evaluate_folder(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set" / "green").mkdir(parents=True)
    (tmp_path / "set" / "green" / "1.png").write_bytes(GREEN)
    (tmp_path / "set" / "green" / "2.png").write_bytes(GREEN[:-4])
    assert main(["evaluate", str(tiny_bundle.folder), "--folder", str(tmp_path / "set")]) == 0
    printed = capsys.readouterr().out
    assert "top-1 1.0000 of 1 pictures" in printed
    assert "not decoded: 1 truncated" in printed


def test_command_evaluate_prints_calibration_and_abstention(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "batch.bin"
    path.write_bytes(record(0, (250, 0, 0)) + record(1, (250, 0, 0)) + record(1, (9, 9, 9)))
    command = ["evaluate", str(tiny_bundle.folder), "--records", str(path)]
    assert main([*command, "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert captured.err == ""  # no progress where nobody looks
    table = [row for row in result["calibration"]["reliability"] if row["n"]]
    assert [(row["n"], row["accuracy"]) for row in table] == [(1, 0.0), (2, 0.5)]
    gaps = [row["n"] * abs(row["accuracy"] - row["confidence"]) for row in table]
    assert result["calibration"]["expectedError"] == pytest.approx(sum(gaps) / 3, abs=1e-5)
    assert result["abstention"]["own"] == {
        "margin": 0.1,
        "abstained": 0.333333,
        "answered": 2,
        "accuracy": 0.5,
    }
    assert result["abstained"] == 1
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert f"expected calibration error {result['calibration']['expectedError']:.4f} (15 bins)" in printed
    assert "margin 0.1   abstains  33.3%  accuracy of the other      2: 0.500  (the bundle's own)" in printed


def test_command_evaluate_writes_the_answers(tiny_bundle: Bundle, tmp_path: Path) -> None:
    folder, answers = tmp_path / "set" / "green", tmp_path / "answers.jsonl"
    folder.mkdir(parents=True)
    (folder / "1.png").write_bytes(RED)
    (folder / "2.png").write_bytes(GREEN[:-4])
    command = ["evaluate", str(tiny_bundle.folder), "--folder", str(tmp_path / "set")]
    assert main([*command, "--answers", str(answers)]) == 0
    first, second = map(json.loads, answers.read_text().splitlines())
    expected = Classifier(tiny_bundle)
    probabilities = expected.probabilities(expected.tensor(RED))
    assert first == {
        "picture": str(folder / "1.png"),
        "truth": "green",
        "answer": "red",
        "probabilities": [round(float(p), 6) for p in probabilities],
    }
    assert second == {"picture": str(folder / "2.png"), "truth": "green", "refused": "truncated"}


def test_command_evaluate_says_where_answers_cannot_go(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, nowhere = tmp_path / "batch.bin", tmp_path / "no" / "answers.jsonl"
    path.write_bytes(record(0, (250, 0, 0)))
    command = ["evaluate", str(tiny_bundle.folder), "--records", str(path), "--answers", str(nowhere)]
    assert main(command) == 1
    assert capsys.readouterr().err == f"{nowhere}: cannot be written: No such file or directory\n"


def test_command_evaluate_says_that_the_disk_is_full(
    tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "batch.bin"
    path.write_bytes(record(0, (250, 0, 0)))
    command = ["evaluate", str(tiny_bundle.folder), "--records", str(path), "--answers", "/dev/full"]
    assert main(command) == 1
    assert capsys.readouterr().err == "/dev/full: cannot be written: No space left on device\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_tells_the_time_left_and_goes_away(
    tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "batch.bin"
    path.write_bytes(record(0, (250, 0, 0)) * 4)
    seconds = iter(range(0, 1000, 30))
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    assert main(["evaluate", str(tiny_bundle.folder), "--records", str(path), "--json"]) == 0
    assert "\r\x1b[K[############............] 2 of 4 pictures, 50 %, left 1:" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["evaluate", "x"],
        ["evaluate", "x", "--records", "f", "--limit", "0"],
        ["evaluate", "x", "--records", "f", "--limit", "many"],
        ["evaluate", "x", "--records", "f", "--threads", "100000"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


REFERENCES = os.environ.get("REFERENCE_MODELS_DIR")


@pytest.mark.skipif(
    not REFERENCES, reason="REFERENCE_MODELS_DIR does not name a folder of MLPerf Tiny models"
)
@pytest.mark.parametrize("file", ["pretrainedResnet_quant.tflite", "pretrainedResnet.tflite"])
def test_mlperf_tiny_models_can_be_bundled(tmp_path: Path, file: str) -> None:
    """Their documented input is pixels 0..255; shapes and scales come from the models."""
    (tmp_path / file).write_bytes((Path(str(REFERENCES)) / file).read_bytes())
    facts = draft() | {"file": file, "labels": [str(number) for number in range(10)]}
    facts["input"]["normalisation"]["standardDeviation"] = [1, 1, 1]
    bundle = seal(tmp_path, facts, {"orange": encode(plain((240, 130, 20)))})
    assert bundle.input.shape == (1, 32, 32, 3)
    assert sum(c.probability for c in Classifier(bundle).classify(RED, 10).top) == pytest.approx(1, abs=0.03)
