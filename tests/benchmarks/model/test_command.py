"""`scripts/bench model` with tiny models: what it prints, and how it refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.model import command
from benchmarks.model.limits import LIMITS
from image_classifier.bundle import Bundle, load_bundle
from tests.data import random_records, write_cifar10
from tests.image_classifier.tiny_model import Tiny
from training.interleaving import TIMED, Sitting

ROOT = Path(__file__).parents[3]
FAST = ("--seconds", "0.02")
NUMBER, WHOLE = {"type": "number", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 0}
MODEL = {
    "name": {"type": "string"},
    "kind": {"enum": ["bundle", "reference"]},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "bytes": WHOLE,
    "macs": WHOLE,
    "medianMs": NUMBER,
    "p95Ms": NUMBER,
    "latencyRatio": {"oneOf": [NUMBER, {"type": "null"}]},
    "latencyRatioQuartiles": {
        "oneOf": [{"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}, {"type": "null"}]
    },
    "peakMemoryMiB": NUMBER,
    "arenaKiB": NUMBER,
    "accuracy": {
        "additionalProperties": {
            "properties": {"top1": {"type": "number", "minimum": 0, "maximum": 1}, "n": WHOLE},
            "required": ["top1", "n"],
            "additionalProperties": False,
        }
    },
    "withinLimits": {"type": ["boolean", "null"]},
    "limitsMissed": {"type": "array", "items": {"type": "string"}},
}
TOP = {
    "models": {
        "type": "array",
        "items": {"properties": MODEL, "required": list(MODEL), "additionalProperties": False},
    },
    "machine": {"type": "string", "minLength": 5},
    "runtime": {"type": "string", "pattern": r"^(ai-edge-litert|tflite-runtime) \d"},
    "reference": {"type": ["string", "null"]},
    "threads": WHOLE,
    "invocations": WHOLE,
    "loadAverage": {"type": "number", "minimum": 0},
}
SCHEMA = {"properties": TOP, "required": list(TOP), "additionalProperties": False}


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CIFAR10_DIR", "REFERENCE_MODELS_DIR"):
        monkeypatch.delenv(name, raising=False)


def bench(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main(["model", *FAST, *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_the_document_has_its_schema(
    capsys: pytest.CaptureFixture[str], bundle: Bundle, reference: Path, pictures: Path
) -> None:
    code, out, err = bench(
        capsys,
        "--bundle",
        bundle.folder,
        "--reference",
        reference,
        "--folder",
        f"colours={pictures}",
        "--json",
    )
    assert code == 0
    document: dict[str, Any] = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    first, second = document["models"]
    assert document["reference"] == first["name"] == "reference.tflite"
    assert (first["kind"], second["kind"], second["name"]) == ("reference", "bundle", "tiny")
    assert first["latencyRatio"] == 1.0
    assert first["accuracy"] == second["accuracy"] == {"colours": {"top1": 1.0, "n": 6}}
    assert second["bytes"] == len(bundle.model_bytes)
    assert second["macs"] == 1920
    assert second["sha256"] == bundle.sha256
    assert document["invocations"] % TIMED == 0
    assert "timing 2 models in turns: " in err
    assert "accuracy on colours: " in err


def test_ratios_are_to_the_first_reference_and_judged(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    bundle: Bundle,
    reference: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = tmp_path / "other.tflite"
    other.write_bytes(reference.read_bytes())
    milliseconds = {"reference.tflite": 2.0, "other.tflite": 3.0, "tiny": 1.7}

    def timed(models: dict[str, bytes], _: float, **__: object) -> list[Sitting]:
        return [{name: np.full((3, TIMED), milliseconds[name] / 1000) for name in models}] * 2

    monkeypatch.setattr(command, "interleaved_s", timed)
    limits = {"tiny": LIMITS["fast"]}
    monkeypatch.setattr("benchmarks.model.report.LIMITS", limits)
    arguments = ("--bundle", bundle.folder, "--reference", reference, "--reference", other)
    document = json.loads(bench(capsys, *arguments, "--json")[1])
    assert [model["latencyRatio"] for model in document["models"]] == [1.0, 1.5, 0.85]
    assert [model["medianMs"] for model in document["models"]] == [2.0, 3.0, 1.7]
    assert [model["withinLimits"] for model in document["models"]] == [None, None, False]
    assert document["models"][2]["limitsMissed"] == ["ratio 0.850 > 0.8"]
    code, out, _ = bench(capsys, *arguments)
    assert code == 0, "a limit that is missed is a result, not a failure"
    row = next(line for line in out.splitlines() if "tiny" in line)
    assert "0.850 (0.850-0.850)" in row
    assert "ratio 0.850 > 0.8" in row
    assert "time by that of reference.tflite" in " ".join(out.split())


def test_without_reference_and_pictures_there_are_times_alone(
    capsys: pytest.CaptureFixture[str], bundle: Bundle
) -> None:
    code, out, err = bench(capsys, "--bundle", bundle.folder, "--json")
    assert code == 0
    document = json.loads(out)
    jsonschema.validate(document, SCHEMA)
    assert document["reference"] is None
    assert document["models"][0]["latencyRatio"] is None
    assert document["models"][0]["accuracy"] == {}
    assert "no reference, so no ratios" in err
    assert "no pictures, so no accuracy" in err


def test_the_environment_names_references_and_data(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = tmp_path / "references"
    references.mkdir()
    for name in ("a.tflite", "pretrainedResnet_quant.tflite"):
        (references / name).write_bytes(Tiny(outputs=10, input_scale=1.0).build())
    monkeypatch.setenv("REFERENCE_MODELS_DIR", str(references))
    monkeypatch.setenv("CIFAR10_DIR", str(write_cifar10(tmp_path / "cifar", random_records(20))))
    document = json.loads(bench(capsys, "--bundle", bundle.folder, "--json")[1])
    names = [model["name"] for model in document["models"]]
    assert names == ["pretrainedResnet_quant.tflite", "a.tflite", "tiny"]
    assert all(model["accuracy"]["lossless"]["n"] == 20 for model in document["models"])


def test_every_shipped_bundle_is_measured_by_default(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    records = tmp_path / "r.bin"
    records.write_bytes(random_records(5))
    document = json.loads(bench(capsys, "--records", f"noise={records}", "--json")[1])
    found = {model["name"]: model["bytes"] for model in document["models"]}
    assert found["fast"] == len(load_bundle("fast").model_bytes)
    assert document["models"][0]["accuracy"]["noise"]["n"] == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bundle", "sead"), "sead: no bundle of this name or path; shipped bundles: "),
        (("--reference", "/absent.tflite"), "--reference /absent.tflite: cannot be read"),
        (("--data", "/absent"), "/absent: does not exist; give --data or set CIFAR10_DIR"),
        (("--folder", "a=/absent"), "/absent: expected folders named like the labels"),
        (("--records", "a=/absent.bin"), "/absent.bin: cannot be read"),
        (("--records", "a={records}", "--records", "a={records}"), "two data sets are named a"),
    ],
)
def test_a_bad_path_is_named(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    bundle: Bundle,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    records = tmp_path / "r.bin"
    records.write_bytes(random_records(1))
    given = [text.format(records=records) for text in arguments]
    chosen = given if "--bundle" in given else ["--bundle", str(bundle.folder), *given]
    code, out, err = bench(capsys, *chosen)
    assert code == 1
    assert out == ""
    assert message in err


def test_a_folder_of_references_without_any_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFERENCE_MODELS_DIR", str(tmp_path))
    assert bench(capsys)[0] == 1
    monkeypatch.setenv("REFERENCE_MODELS_DIR", str(tmp_path / "absent"))
    code, _, err = bench(capsys)
    assert code == 1
    assert f"REFERENCE_MODELS_DIR = {tmp_path / 'absent'} holds no .tflite file" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--folder", "no-equals-sign"),
        ("--records", "a/b=x.bin"),
        ("--records", "=x.bin"),
        ("--threads", "0"),
        ("--threads", "many"),
        ("--threads", "100000"),
        ("--seconds", "0"),
        ("--seconds", "nan"),
    ],
)
def test_a_wrong_option_is_wrong_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["model", *arguments])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_the_script_starts_it_from_any_folder(tmp_path: Path, bundle: Bundle) -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "model", "--bundle", "tiny", "--seconds", "0.02", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["models"][0]["name"] == "tiny"
    listed = subprocess.run(
        [ROOT / "scripts" / "bench", "--help"], capture_output=True, text=True, check=True
    )
    assert "bundles beside reference models" in listed.stdout
