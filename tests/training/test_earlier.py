"""What a training takes over from another is refused where it would not fit, or would have seen the held-out images."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import settings as training_settings
from training.checkpoint import CheckpointError
from training.earlier import check_begin, lineage, load_best_weights
from training.settings import CONFIGS, SettingsError, load_settings


class Model:
    """Loads what is a file; what Keras says of other weights is its own."""

    def __init__(self) -> None:
        self.loaded: Path | None = None

    def load_weights(self, path: Path) -> None:
        if path.read_bytes() == b"other":
            raise ValueError("layer 1: 8 weights, not 9")
        self.loaded = path


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "edge-vision" / "training" / "seed" / "best.weights.h5"
    path.parent.mkdir(parents=True)
    return path


def test_the_best_weights_are_loaded(weights: Path) -> None:
    weights.write_bytes(b"good")
    model = Model()
    load_best_weights("seed", model)
    assert model.loaded == weights


def test_what_has_not_been_trained_is_named(weights: Path) -> None:
    with pytest.raises(CheckpointError, match=f"{weights}: no such file; .*scripts/train --bundle seed"):
        load_best_weights("seed", Model())


def test_weights_of_another_network_are_told(weights: Path) -> None:
    weights.write_bytes(b"other")
    with pytest.raises(CheckpointError, match=r"not the weights of seed's architecture \(layer 1"):
        load_best_weights("seed", Model())


def test_the_same_network_and_split_may_go_on() -> None:
    seed = load_settings("seed")
    check_begin(seed)
    check_begin(seed.model_copy(update={"begin_with": "seed", "version": "9.0.0"}))


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("network", load_settings("fast").network, "another network"),
        ("seed", 1, "seen images that are to be held out"),
        ("validation_fraction", 0.2, "seen images that are to be held out"),
        ("lossless_validation_fraction", 0.3, "seen images that are to be held out"),
    ],
)
def test_another_network_or_split_may_not(key: str, value: object, why: str) -> None:
    settings = load_settings("seed").model_copy(update={"begin_with": "seed", key: value})
    with pytest.raises(SettingsError, match=f"begin_with: seed has another {key}: .*{why}"):
        check_begin(settings)


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIGS.glob("*.toml")))
def test_what_a_shipped_configuration_needs_can_be_trained_before_it(name: str) -> None:
    order = lineage(name)
    assert order[-1] == name
    for place, member in enumerate(order):
        settings = load_settings(member)
        check_begin(settings)
        teachers = settings.distillation.teachers if settings.distillation else ()
        assert set(order[:place]) >= {*teachers, *filter(None, [settings.begin_with])}


def test_a_training_that_needs_its_own_result_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_settings, "CONFIGS", tmp_path)
    text = (CONFIGS / "seed.toml").read_text()
    (tmp_path / "pupil.toml").write_text(text + '\n[distillation]\nteacher = ["good", "tutor"]\n')
    (tmp_path / "good.toml").write_text(text)
    (tmp_path / "tutor.toml").write_text('begin_with = "pupil"\n' + text)
    with pytest.raises(SettingsError, match=r"^pupil <- tutor <- pupil: a training cannot need"):
        lineage("pupil")
