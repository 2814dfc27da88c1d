"""`python -m image_classifier check`: every defect is found by its own check, named, placed and with a mend."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from image_classifier.__main__ import main
from image_classifier.bundle import SHIPPED, Bundle, shipped_names
from image_classifier.checks import MENDS, check_model, extreme_tensors
from image_classifier.classifier import Classifier
from image_classifier.errors import BundleError
from image_classifier.seal import seal
from tests.image_classifier.tiny_model import Tiny, base64_text, draft, edit, golden_images, make_bundle


def reseal(bundle: Bundle, content: bytes) -> None:
    """Another model with the right hash, as an attacker would."""
    bundle.model_path.write_bytes(content)
    edit(bundle, "sha256", value=hashlib.sha256(content).hexdigest())


def change_model(bundle: Bundle, **edits: Any) -> None:
    """`subgraphs__0__name=value` sets one field of the model."""
    model = schema.ModelT.InitFromPackedBuf(bundle.model_bytes, 0)
    for path, value in edits.items():
        holder: Any = model
        *steps, last = path.split("__")
        for name in steps:
            holder = holder[int(name)] if name.isdigit() else getattr(holder, name)
        setattr(holder, last, value)
    if len(model.subgraphs) == 1 and edits.get("description") == "twice":
        model.subgraphs.append(model.subgraphs[0])
    reseal(bundle, packed(model))


def packed(model: Any) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_bundle_is_good(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", name]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == list(MENDS)
    assert all("  passed  " in line for line in lines)
    assert last.startswith(f"{SHIPPED / name}: good, all {len(MENDS)} checks of {name} ")


def test_json_says_the_same(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tiny_bundle.folder), "--json", "--budget-ms", "5000"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert document["sha256"] == tiny_bundle.sha256
    assert document["goldenVectors"] == 2
    figures = {check["name"]: check["figure"] for check in document["checks"]}
    assert list(figures) == list(MENDS)
    assert figures["operators"] == "FULLY_CONNECTED:4 SOFTMAX:2"
    assert figures["shapes"] == "input 1x8x8x3, output 1x3, 3 labels"
    assert figures["time"].endswith("of 11 inferences, budget 5000 ms")


WHILE = schema.BuiltinOperator.WHILE
OPERATOR = "operatorCodes__1__"

MODEL_DEFECTS: list[tuple[str, dict[str, Any], str]] = [
    ("structure", {"version": 4}, "not a sound TFLite model: schema version 4"),
    ("graph", {"description": "twice"}, r"subgraphs: wrong number \(expected 1, found 2\)"),
    ("graph", {"subgraphs__0__inputs": [0, 0]}, r"subgraphs\[0\]\.inputs: wrong number"),
    ("graph", {"subgraphs__0__outputs": []}, r"subgraphs\[0\]\.outputs: wrong number"),
    (
        "operators",
        {f"{OPERATOR}builtinCode": WHILE, f"{OPERATOR}deprecatedBuiltinCode": WHILE},
        r"operator_codes\[1\]: operator WHILE is not allowed",
    ),
    (
        "operators",
        {f"{OPERATOR}version": 4},
        r"operator_codes\[1\]: .*2\.14 does not run this version of SOFTMAX \(expected '1\.\.3', found 4\)",
    ),
    ("operators", {f"{OPERATOR}version": 0}, r"found 0"),
    (
        "shapes",
        {"subgraphs__0__tensors__0__shape": [1, 9, 8, 3]},
        r"bundle\.json: input\.shape: the model in tiny",
    ),
    ("shapes", {"subgraphs__0__tensors__4__shape": [1, 4]}, r"bundle\.json: labels: the model in tiny"),
    ("dtypes", {"subgraphs__0__tensors__0__type": schema.TensorType.UINT8}, r"bundle\.json: input\.dtype"),
    ("dtypes", {"subgraphs__0__tensors__4__type": schema.TensorType.INT16}, r"bundle\.json: output\.dtype"),
    # The runtime's own refusals: a bias of another type, weights that do not fit the picture.
    ("runtime", {"subgraphs__0__tensors__2__type": schema.TensorType.INT8}, "the runtime refuses the model"),
    ("runtime", {"subgraphs__0__tensors__0__quantization__zeroPoint": [-100]}, r"input\.zeroPoint"),
    (
        "golden vectors",
        {"buffers__1__data": np.full(576, 1, np.int8).view(np.uint8)},
        "answers 'orange' otherwise",
    ),
]


@pytest.mark.parametrize(("check", "edits", "complaint"), MODEL_DEFECTS)
def test_a_defect_of_the_model_fails_its_own_check(
    tiny_bundle: Bundle,
    capsys: pytest.CaptureFixture[str],
    check: str,
    edits: dict[str, Any],
    complaint: str,
) -> None:
    change_model(tiny_bundle, **edits)
    assert_refused(tiny_bundle, capsys, check, complaint)


def assert_refused(
    bundle: Bundle, capsys: pytest.CaptureFixture[str], check: str, complaint: str, *options: str
) -> None:
    """Both reports end with this check, which says what is wrong, and the error says how to mend it."""
    assert main(["check", str(bundle.folder), "--json", *options]) == 1
    said = capsys.readouterr()
    document = json.loads(said.out)
    assert (document["ok"], document["check"], document["mend"]) == (False, check, MENDS[check])
    *passed, failed = document["checks"]
    assert all(c["passed"] for c in passed)
    assert (failed["name"], failed["passed"]) == (check, False)
    first, second = said.err.splitlines()
    assert re.search(complaint, first)
    assert document["error"] == failed["figure"] == first
    assert second == f"mend: {MENDS[check]}"


def test_a_damaged_file(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    tiny_bundle.model_path.write_bytes(tiny_bundle.model_bytes[:-1])
    assert_refused(
        tiny_bundle, capsys, "hash", "the file tiny.tflite is not the one that the document describes"
    )


def test_a_damaged_document(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    edit(tiny_bundle, "abstention", "margin", value=2)
    assert_refused(tiny_bundle, capsys, "document", r"abstention\.margin: not a number in range")


def test_a_wrong_golden_picture(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    edit(tiny_bundle, "goldenVectors", "vectors", 0, "image", value=base64_text(b"GIF89a"))
    assert_refused(tiny_bundle, capsys, "golden vectors", "a golden picture fails: unsupported_format")


def test_a_budget_that_is_missed(tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(tiny_bundle, capsys, "time", "one inference takes too long", "--budget-ms", "0.000001")


def test_a_custom_operator_is_refused_before_any_child_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = make_bundle(tmp_path / "tiny")
    reseal(bundle, Tiny(custom_op=True).build())
    monkeypatch.setattr("image_classifier.sandbox.sys.executable", "/nowhere/python")
    assert_refused(
        bundle, capsys, "operators", r"operator_codes\[0\]: operator CUSTOM HostileOp is not allowed"
    )


def test_no_such_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "no bundle of this name or path" in said.err
    assert "mend: name a shipped bundle" in said.err


def test_a_pipe_in_place_of_the_model_keeps_nobody_waiting(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_bundle.model_path.unlink()
    os.mkfifo(tiny_bundle.model_path)
    assert_refused(tiny_bundle, capsys, "document", r"tiny\.tflite: not a regular file")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_a_budget_is_a_time(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["check", "fast", f"--budget-ms={text}"])
    assert caught.value.code == 2
    assert "--budget-ms" in capsys.readouterr().err


def test_a_model_that_answers_white_with_infinity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four red weights add up to more than float32 holds where red is 1.0; the golden pictures are darker."""
    tiny = Tiny(dtype="float32", softmax=False)
    model = schema.ModelT.InitFromPackedBuf(tiny.build(), 0)
    weights = np.zeros((3, 64, 3), np.float32)
    weights[0, :4, 0] = np.finfo(np.float32).max / 4 * 1.02
    model.buffers[1].data = np.frombuffer(weights.tobytes(), np.uint8)
    (tmp_path / "tiny.tflite").write_bytes(packed(model))
    bundle = seal(tmp_path, draft("white", tiny), golden_images())
    assert_refused(
        bundle, capsys, "finite answers", "no answer to the tensor 'all greatest': the model answers inf"
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
def test_the_extreme_tensors_are_in_the_range_of_pictures(tmp_path: Path, dtype: str) -> None:
    scales = {"int8": (1 / 255, -128), "uint8": (1 / 255, 0), "float32": (0.0, 0)}[dtype]
    bundle = make_bundle(
        tmp_path / dtype, Tiny(dtype=dtype, input_scale=scales[0], input_zero_point=scales[1])
    )
    named = dict(extreme_tensors(bundle.input))
    low, high = {"int8": (-128, 127), "uint8": (0, 255), "float32": (0, 1)}[dtype]
    assert {t.shape for t in named.values()} == {bundle.input.shape}
    assert {t.dtype.name for t in named.values()} == {dtype}
    assert (named["all least"] == low).all()
    assert (named["all greatest"] == high).all()
    noise = [t for name, t in named.items() if name.startswith("random")]
    assert len({t.tobytes() for t in noise}) == len(noise) >= 2
    assert all(low <= t.min() < t.max() <= high for t in noise)
    again = dict(extreme_tensors(bundle.input))
    assert all((named[name] == again[name]).all() for name in named)


class _Fickle(Classifier):
    """Answers every second time otherwise: what reading memory that nobody wrote looks like."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle)
        self.asked = 0

    def probabilities(self, tensor: Any) -> Any:
        answer = super().probabilities(tensor)
        if not hasattr(self, "asked") or set(np.unique(tensor)) != {-128}:
            return answer
        self.asked += 1
        return answer if self.asked % 2 else answer[::-1] + 0.01


def test_two_answers_to_one_tensor_are_refused(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_classifier.checks.Classifier", _Fickle)
    with pytest.raises(BundleError, match="two different answers to the same tensor 'all least'"):
        check_model(tiny_bundle, 1000, lambda check: None)
