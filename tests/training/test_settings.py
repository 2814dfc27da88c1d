"""A bundle's TOML file is read whole or refused with the key's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.settings import CONFIGS, SettingsError, load_settings

GOOD = """
version = "1.0.0"
description = "tiny"
seed = 1
validation_fraction = 0.1
margin = 0.1
[network]
architecture = "seed"
[fit]
epochs = 2
batch_size = 8
peak_rate = 0.01
"""


def write(folder: Path, text: str) -> str:
    path = folder / "tiny.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_configuration_is_good(path: Path) -> None:
    assert load_settings(path.stem) == load_settings(str(path))


def test_defaults_change_nothing_in_the_images(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, GOOD))
    assert settings.fit.precision == "float32"
    assert not settings.augmentation.flip
    assert settings.augmentation.jpeg_fraction == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 1\n", "", r"seed: Field required"),
        ("epochs = 2", "epochs = 0", r"fit\.epochs: .*greater than or equal to 1 \(found 0\)"),
        ("epochs = 2", 'epochs = "two"', r"fit\.epochs: .*\(found 'two'\)"),
        ("epochs = 2", "epoch = 2", r"fit\.epoch: Extra inputs"),
        ('"seed"', '"resnet99"', r"network\.architecture: .*'seed'"),
        ("margin = 0.1", "margin = 2", r"margin: .*less than or equal to 1"),
        ("validation_fraction = 0.1", "validation_fraction = 0", r"validation_fraction: .*greater than 0"),
        ('version = "1.0.0"', 'version = "one"', r"version: .*pattern"),
        ("[fit]", "[fit", "not TOML"),
        ('"seed"', '"residual"', r"network: .*architecture residual, which needs them"),
        ('"seed"', '"seed"\nwidths = [8]\nblocks = [1]', r"network: .*belong to the architecture residual"),
        ('"seed"', '"residual"\nwidths = [8, 16]\nblocks = [1]', r"network: .*2 widths but 1 blocks"),
    ],
)
def test_a_bad_key_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(SettingsError, match=message):
        load_settings(path)


def test_an_unknown_bundle_lists_the_known() -> None:
    with pytest.raises(SettingsError, match=r"bundles with a configuration: .*seed"):
        load_settings("sead")


@pytest.mark.parametrize(
    ("old", "new", "resumes"),
    [
        ('"tiny"', '"other words"', True),
        ("margin = 0.1", "margin = 0.2", True),
        ("batch_size = 8", "batch_size = 8\nthreads = 4", True),
        ("epochs = 2", "epochs = 3", False),
        ("seed = 1", "seed = 2", False),
        ("peak_rate = 0.01", "peak_rate = 0.02", False),
        # a setting that did not exist when the run began, and is off
        ("peak_rate = 0.01", "peak_rate = 0.01\nlabel_smoothing = 0.0", True),
        ("peak_rate = 0.01", "peak_rate = 0.01\nlabel_smoothing = 0.1", False),
    ],
)
def test_only_what_decides_the_weights_is_in_the_digest(
    old: str, new: str, resumes: bool, tmp_path: Path
) -> None:
    before = load_settings(write(tmp_path, GOOD)).training_digest()
    after = load_settings(write(tmp_path, GOOD.replace(old, new))).training_digest()
    assert (before == after) is resumes
