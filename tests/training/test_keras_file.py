"""What may be loaded of a user's model file: Keras's own parts, and nothing that runs code."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from training.keras_file import KerasModelError, inspect_model, without_mixed_precision


def layer(kind: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    return {
        "module": module,
        "class_name": kind,
        "config": {"name": f"my_{kind}", "dtype": "float32"} | config,
        "registered_name": None,
    }


def archive(path: Path, *layers: dict[str, Any], keras: str = "3.6.0", **more: Any) -> Path:
    model = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}} | more
    with zipfile.ZipFile(path / "model.keras", "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": keras}))
        file.writestr("config.json", json.dumps(model))
        file.writestr("model.weights.h5", b"weights")
    return path / "model.keras"


@pytest.mark.parametrize(("keras", "newer"), [("2.15.0", False), ("3.15.1", True), ("4.0.0", True)])
def test_the_version_says_which_keras_loads_it(keras: str, newer: bool, tmp_path: Path) -> None:
    found = inspect_model(archive(tmp_path, layer("Conv2D"), keras=keras))
    assert (found.kind, found.keras, found.needs_keras_3) == ("archive", keras, newer)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (layer("Rescaling"), ("my_Rescaling",)),
        (layer("Normalization"), ("my_Normalization",)),
        (layer("TrueDivide", "keras.src.ops.numpy"), ("my_TrueDivide",)),
        (layer("TFOpLambda", "keras.src.layers.core.tf_op_layer", function="math.truediv"), ("my_TFOpLambda",)),
        (layer("BatchNormalization"), ()),
        (layer("Sequential", "keras", layers=[layer("Rescaling")]), ("my_Rescaling",)),
    ],
)  # fmt: skip
def test_what_scales_the_input_is_found(
    part: dict[str, Any], expected: tuple[str, ...], tmp_path: Path
) -> None:
    assert inspect_model(archive(tmp_path, part)).scaling == expected


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (layer("Lambda", function=["4wEA"]), "layer 'my_Lambda' holds a Lambda: code, which is not run"),
        (layer("Conv2D", activation={"class_name": "__lambda__", "config": {}}), "'my_Conv2D' holds a Lambda"),
        (
            layer("Dense", activation={"module": "builtins", "class_name": "function", "config": "swishy"}),
            "layer 'my_Dense' holds the function 'swishy'",
        ),
        (layer("TFSMLayer", filepath="/x"), "holds a TFSMLayer"),
        (layer("Mine", "zoo.layers"), "layer 'my_Mine' is a Mine of zoo.layers, which is not part of Keras"),
        (layer("Mine", None) | {"registered_name": "Mine"}, "layer 'my_Mine' is a Mine of your own code"),
        # functions that Keras's own modules also hold, and that a file may not call
        (layer("get_file", "keras.utils"), "get_file of keras.utils"),
        (layer("load_model", "keras.models"), "load_model of keras.models"),
        (layer("load_model", "keras.src.models.model"), "load_model of"),
        (layer("system", "os"), "system of os"),
        (layer("Conv2D", ["os"]), "which is not part of Keras"),  # type: ignore[arg-type]
        (
            layer("TFOpLambda", "keras.src.layers.core.tf_op_layer", function="io.write_file"),
            "layer 'my_TFOpLambda' is a TFOpLambda",
        ),
        (layer("Sequential", "keras", layers=[layer("Lambda")]), "layer 'my_Lambda' holds a Lambda"),
    ],
)  # fmt: skip
def test_code_and_foreign_parts_are_refused_by_the_layers_name(
    part: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(KerasModelError) as raised:
        inspect_model(archive(tmp_path, layer("Conv2D"), part))
    assert message in str(raised.value)
    assert str(tmp_path / "model.keras") in str(raised.value)


def test_how_it_was_trained_does_not_matter(tmp_path: Path) -> None:
    loss = {"class_name": "function", "config": "my_loss"}
    assert inspect_model(archive(tmp_path, layer("Conv2D"), compile_config={"loss": loss})).scaling == ()


def test_mixed_precision_becomes_float32_in_a_copy(tmp_path: Path) -> None:
    policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    path = archive(tmp_path, layer("Conv2D", dtype=policy), layer("Dense", dtype="mixed_bfloat16"))
    found = inspect_model(path)
    assert found.mixed_precision
    (tmp_path / "copies").mkdir()
    copy = without_mixed_precision(found, tmp_path / "copies")
    assert not inspect_model(copy).mixed_precision
    with zipfile.ZipFile(copy) as file:
        assert file.read("model.weights.h5") == b"weights"
        assert b"mixed" not in file.read("config.json")
    assert without_mixed_precision(inspect_model(copy), tmp_path) == copy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither a .keras archive nor an .h5 file"),
        (b"TFL3", "neither a .keras archive nor an .h5 file"),
        (b"PK\x03\x04 cut", "a damaged .keras archive"),
    ],
)
def test_other_files_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(KerasModelError, match=message):
        inspect_model(path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"config.json": "{}"}, "it has no metadata.json"),
        ({"metadata.json": "{}", "config.json": "{}"}, "it has no keras_version"),
        ({"metadata.json": '{"keras_version": "x"}', "config.json": "{}"}, "says that Keras 'x' wrote it"),
        (
            {"metadata.json": '{"keras_version": "3.0"}', "config.json": "[]"},
            "its description is no JSON object",
        ),
        ({"metadata.json": '{"keras_version": "3.0"}', "config.json": "{"}, "a damaged .keras archive"),
    ],
)
def test_an_archive_that_is_none_is_named(names: dict[str, str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as file:
        for name, content in names.items():
            file.writestr(name, content)
    with pytest.raises(KerasModelError) as raised:
        inspect_model(path)
    assert message in str(raised.value)


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(KerasModelError, match="No such file"):
        inspect_model(tmp_path / "absent")
    with pytest.raises(KerasModelError, match=r"a folder without saved_model\.pb"):
        inspect_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    found = inspect_model(tmp_path)
    assert (found.kind, found.needs_keras_3, len(found.sha256)) == ("saved_model", False, 64)
