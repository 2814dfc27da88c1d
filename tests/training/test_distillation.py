"""What a pupil is taught: probabilities, and of several teachers their mean. Needs .venv-train."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.patience import TENSORFLOW_PATIENCE_S
from tests.training.environment import NEEDS_TRAINING, PYTHON, ROOT

pytestmark = NEEDS_TRAINING

ANSWERS = """
import json
import numpy as np
import tensorflow as tf
from tensorflow import keras
from training.checkpoint import default_folder
from training.distillation import blend, load_teacher
from training.network import build_network
from training.settings import Distillation, load_settings

keras.utils.set_random_seed(1)
for name in ("seed", "fast"):
    weights = default_folder(name).best_weights
    weights.parent.mkdir(parents=True)
    build_network(load_settings(name).network).save_weights(weights)
images = np.random.default_rng(1).integers(0, 256, (8, 32, 32, 3), np.uint8)
labels = np.eye(10, dtype=np.float32)[np.arange(8)]
told = {}
for names in ("seed", "fast", ("seed", "fast")):
    settings = Distillation(teacher=names, weight=0.75)
    told[str(names)] = blend(labels, load_teacher(settings), images, settings).tolist()
print(json.dumps(list(told.values())))
"""


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> list[list[list[float]]]:
    """Of `seed`, of `fast` and of both together: a target for each of 8 images, whose labels are 0 to 7."""
    environment = os.environ | {
        "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state")),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'libs'}",
    }
    done = subprocess.run(
        [PYTHON, "-c", ANSWERS],
        env=environment, capture_output=True, text=True, timeout=TENSORFLOW_PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers: list[list[list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_several_teachers_answer_as_their_mean(taught: list[list[list[float]]]) -> None:
    first, second, both = taught
    assert first != second
    for one, other, mean in zip(first, second, both, strict=True):
        assert mean == pytest.approx([(a + b) / 2 for a, b in zip(one, other, strict=True)], abs=1e-6)


def test_a_target_is_a_share_for_each_class_and_the_label_has_its_part(
    taught: list[list[list[float]]],
) -> None:
    for targets in taught:
        for label, target in enumerate(targets):
            assert sum(target) == pytest.approx(1, abs=1e-5)
            assert target[label] >= 0.25
            assert min(target) >= 0
