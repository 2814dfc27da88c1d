"""`scripts/train --from-keras`: a tiny model trained by Keras becomes a bundle, or is refused by name.

Needs .venv-train.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from image_classifier.bundle import load_bundle
from image_classifier.sandbox import check_bundle
from tests.training.environment import NEEDS_TRAINING, PYTHON, ROOT

KERAS_3 = ROOT / ".venv-keras3" / "bin" / "python"
LABELS = ("red", "green", "blue")
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": f"{ROOT}:{ROOT / 'libs'}",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
}
LEARN = """
import os
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

pixels, labels = (np.load(f"{name}.npy") for name in ("pixels", "labels"))

def network(*ends, channels=3, side=48, start=None):
    image = x = keras.Input((side, side, channels))
    x = start(x) if start else x
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    x = layers.Dense(3)(x)
    for end in ends:
        x = end(x)
    return keras.Model(image, x)

class Mine(layers.Layer):
    def call(self, x):
        return x

good = network(layers.Softmax())
good.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
good.fit(pixels / 127.5 - 1, labels, epochs=6, batch_size=16, verbose=0)
good.save("good.keras")
good.export("saved")
logits = network(start=layers.Rescaling(1 / 127.5, -1))
logits.set_weights(good.get_weights())
logits.save("logits.h5")
network(start=layers.Lambda(lambda x: open("pwned", "w") and x)).save("lambda.h5")
os.remove("pwned")  # building it has run it
network(start=Mine(name="own")).save("custom.h5")
network(channels=1).save("grey.keras")
network(side=None).save("any.keras")
network(layers.Activation("sigmoid")).save("sigmoid.keras")
network(layers.Activation("softplus")).save("softplus.keras")
def beyond_all_numbers(offset):
    image = keras.Input((48, 48, 3))
    x = layers.Rescaling(3e38)(layers.Rescaling(3e38, offset)(image))
    x = layers.Activation("sigmoid")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.Softmax()(layers.Dense(3)(x)))

beyond_all_numbers(0).save("infinite.keras")  # of black, infinity times nothing: no number
beyond_all_numbers(1).save("crash.keras")  # infinite within, 1 behind the sigmoid
image = keras.Input((48, 48, 3))
x = layers.GlobalAveragePooling2D()(layers.LSTM(3, return_sequences=True)(layers.Reshape((48, 144))(image))[:, :, None])
keras.Model(image, x).save("unusual.keras")
"""
KERAS_3_MODEL = """
import keras
import numpy as np
from keras import layers

model = keras.Sequential([
    keras.Input((40, 56, 3)), layers.RandomFlip(), layers.Rescaling(1 / 255), layers.GlobalAveragePooling2D(),
    layers.Dense(3, dtype="mixed_float16"), layers.Softmax(dtype="float32"),
])
model.layers[-2].set_weights([40 * np.eye(3), np.zeros(3)])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.save("three.keras")
"""
MANY = """
import contextlib, io, json, sys
from training.from_keras import main

found = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        code = main(arguments)
    found.append([code, said.getvalue()])
print("\\n" + json.dumps(found))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    NEEDS_TRAINING,
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with more of one colour than of the others, in folders named for it; labels; models."""
    folder = tmp_path_factory.mktemp("keras")
    draw = np.random.default_rng(0)
    labels = np.arange(120) % 3
    pixels = draw.integers(0, 140, (120, 48, 48, 3)).astype(np.uint8)
    for number, (picture, label) in enumerate(zip(pixels, labels, strict=True)):
        picture[..., label] += np.uint8(80)
        to = folder / ("test" if number < 30 else "train") / LABELS[label]
        to.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(to / f"{number}.png")
    (folder / "train" / "red" / "broken.jpg").write_bytes(b"no picture")
    (folder / "labels.txt").write_text("\n".join(LABELS) + "\n")
    (folder / "two.txt").write_text("red\ngreen\n")
    np.save(folder / "pixels.npy", pixels)
    np.save(folder / "labels.npy", labels)
    _python(PYTHON, LEARN, folder)
    return folder


def test_a_model_becomes_a_measured_bundle(place: Path) -> None:
    output = _train(place, "good.keras", "--normalisation", "-1..1", "--folder", "test")
    assert "48x48, 3 labels, ends in softmax; 90 representative pictures of train" in output
    bundle = check_bundle(place / "good").bundle  # the default folder: the model's name
    assert bundle.labels == LABELS
    assert (bundle.input.shape, bundle.input.dtype) == ((1, 48, 48, 3), "int8")
    assert (bundle.input.mean, bundle.input.standard_deviation) == ((127.5,) * 3, (127.5,) * 3)
    assert abs(bundle.input.quantization.scale - 2 / 255) < 1e-6
    (accuracy,) = bundle.measured["accuracy"]
    assert (accuracy["data"], accuracy["n"]) == ("test", 30)
    assert accuracy["top1"] >= 0.9
    assert bundle.measured["latency"][0]["medianMs"] > 0
    agreement = bundle.measured["agreement"]
    assert agreement["n"] == 90
    assert agreement["top1"] >= 0.97
    assert agreement["largestDifference"] < 0.15
    assert bundle.training["representative"] == {"origin": "train", "pictures": 90, "undecodable": 1}
    assert bundle.training["source"]["keras"].startswith("2.15")


def test_logits_get_a_softmax_and_a_rescaling_layer_gets_bytes(place: Path) -> None:
    output = _train(place, "logits.h5", "--folder", "test", "--out", "made/of-logits")
    assert "scales its input itself (rescaling): it gets pixels 0..255" in output
    bundle = load_bundle(place / "made" / "of-logits")
    assert (bundle.name, bundle.output.activation) == ("of-logits", "softmax")
    assert set(bundle.input.standard_deviation) == {1.0}
    assert bundle.measured["accuracy"][0]["top1"] >= 0.9
    assert bundle.measured["agreement"]["top1"] >= 0.97


def test_a_saved_model_with_the_wrong_order_of_channels_is_warned_about(place: Path) -> None:
    # red is answered for blue and blue for red, whatever the network has learnt: a third is right
    output = _train(place, "saved", "--normalisation", "-1..1", "--colour-order", "BGR", "--folder", "test")
    assert load_bundle(place / "saved-int8").labels == LABELS
    assert "ends in softmax" in output
    assert "top-1" in output
    assert "warning: on test hardly better than guessing: check --normalisation, --colour-order" in output


def test_what_cannot_be_used_is_named(place: Path) -> None:
    unit = ["--normalisation", "0..1"]
    cases: list[tuple[str, list[str], str]] = [
        ("good.keras", [], "good.keras: nothing in it scales its input: say what it was trained with"),
        ("good.keras", ["--normalisation", "1..2"], "--normalisation 1..2: expected 0..1"),
        ("good.keras", [*unit, "--labels", "two.txt"], "two.txt: 2 labels, but good.keras has 3 outputs"),
        ("good.keras", [*unit, "--labels", "absent"], "absent: cannot be read: No such file"),
        ("good.keras", [*unit, "--representative", "absent"], "absent: does not exist"),
        ("good.keras", [*unit, "--representative", "train", "--pictures", "3"], "3 usable JPEG or PNG pictures"),
        ("good.keras", [*unit, "--folder", "train/red"], "expected folders named like the labels"),
        ("lambda.h5", unit, "layer 'lambda' holds a Lambda: code, which is not run"),
        ("custom.h5", unit, "Keras 2.15 cannot load it: Unknown layer: 'Mine'"),
        ("grey.keras", unit, "takes 1 channels: cameras and bundles give RGB"),
        ("any.keras", unit, "takes pictures of any size"),
        ("sigmoid.keras", unit, "ends in Sigmoid: a picture has one label here"),
        ("softplus.keras", unit, "ends in Softplus: say what that is: --activation softmax or logits"),
        ("infinite.keras", unit, "answers representative pictures with values that are infinite"),
        ("unusual.keras", [*unit, "--pictures", "12"], "may not use: UNIDIRECTIONAL_SEQUENCE_LSTM (version"),
    ]  # fmt: skip
    common = ["--labels", "labels.txt", "--representative", "train", "--out", "refused"]
    wanted = [["--from-keras", model, *common, *options] for model, options, _ in cases]
    output = _python(PYTHON, MANY, place, json.dumps(wanted))
    found: list[tuple[int, str]] = json.loads(output.splitlines()[-1])
    for (model, options, message), (code, said) in zip(cases, found, strict=True):
        assert code == 1, (model, options, said)
        assert message in said, (model, options, said)
    assert not (place / "pwned").exists()
    assert not (place / "refused").exists()


def test_a_model_that_crashes_the_converter_is_named(place: Path) -> None:
    options = ["--normalisation", "0..1", "--out", "crash"]
    output = _train(place, "crash.keras", *options, code=1)
    assert "crash.keras: TensorFlow ended the conversion (SIGSEGV): " in output
    assert "Traceback" not in output
    assert not (place / "crash").exists()


@pytest.mark.skipif(
    not KERAS_3.exists(), reason=".venv-keras3 is not there; scripts/train sets it up when needed"
)
def test_a_model_of_keras_3_with_augmentation_and_mixed_precision(place: Path) -> None:
    _python(KERAS_3, KERAS_3_MODEL, place)
    output = _train(place, "three.keras", "--folder", "test", "--resize", "pad")
    assert "three.keras: of Keras 3" in output
    bundle = load_bundle(place / "three")
    assert bundle.input.shape == (1, 40, 56, 3)
    assert bundle.input.resize_rule == "pad"
    assert bundle.measured["accuracy"][0]["top1"] >= 0.97
    assert bundle.measured["agreement"]["top1"] >= 0.97


def _train(place: Path, model: str, *options: str, code: int = 0) -> str:
    command: list[Any] = [ROOT / "scripts" / "train", "--from-keras", model, "--labels", "labels.txt"]
    command += ["--representative", "train", *options]
    return _output(command, place, code)


def _python(python: Path, code: str, place: Path, *arguments: str) -> str:
    return _output([python, "-c", code, *arguments], place)


def _output(command: list[Any], place: Path, code: int = 0) -> str:
    done = subprocess.run(
        command, cwd=place, env=ENVIRONMENT, text=True, timeout=280, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == code, done.stdout
    return done.stdout
