"""The drawn scenes: of the seed alone, of every view, and the shipped files are what the script draws."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.dataset import CLASSES
from training.samples import PER_CLASS, SEED, SHIPPED, encode, golden_pictures, main, scenes, write_samples
from training.scenes.drawing import SIDE, VIEWS, draw_scene
from training.scenes.pen import CANVAS, Pen, Placement, smooth

VIEW_CASES = [(label, variant) for label, views in VIEWS.items() for variant in range(len(views))]


def test_every_class_has_views() -> None:
    assert set(VIEWS) == set(CLASSES)


@pytest.mark.parametrize(("label", "variant"), VIEW_CASES)
def test_a_scene_follows_from_its_seed(label: str, variant: int) -> None:
    first = draw_scene(label, variant, 7)
    assert (first.size, first.mode) == ((SIDE, SIDE), "RGB")
    assert first.tobytes() == draw_scene(label, variant, 7).tobytes()
    assert first.tobytes() != draw_scene(label, variant, 8).tobytes()


@pytest.mark.parametrize(("label", "variant"), VIEW_CASES)
def test_the_object_is_large_and_in_the_picture(label: str, variant: int) -> None:
    view = VIEWS[label][variant]
    layer = Image.new("RGBA", (CANVAS, CANVAS))
    view.subject(Pen(layer, Placement(0.5, sum(view.height) / 2, view.size[1])), np.random.default_rng(3))
    covered = np.asarray(layer.getchannel("A")) > 0
    assert covered.mean() > 0.08
    # its centre of mass lies in the middle half
    rows, columns = np.nonzero(covered)
    assert CANVAS / 4 < rows.mean() < CANVAS * 3 / 4
    assert CANVAS / 4 < columns.mean() < CANVAS * 3 / 4


def test_the_shipped_files_are_those_of_the_index() -> None:
    index = json.loads((SHIPPED / "index.json").read_text())
    assert index["seed"] == SEED
    assert [scene["label"] for scene in index["scenes"]] == list(CLASSES) * PER_CLASS
    files = [scene["file"] for scene in index["scenes"]]
    assert sorted(files) == sorted(path.name for path in SHIPPED.glob("*.png"))
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 150_000


def test_the_shipped_files_are_what_the_script_draws() -> None:
    for file, _, png in scenes(SEED, 1):
        drawn, shipped = (
            np.asarray(Image.open(source).convert("RGB"), np.int16)
            for source in (io.BytesIO(png), SHIPPED / file)
        )
        # processors differ in a sine's last bit: a palette entry may move by a level or two
        assert np.abs(drawn - shipped).mean() < 1, file


def test_writing_removes_older_scenes(tmp_path: Path) -> None:
    (tmp_path / "old.png").write_bytes(b"old")
    size = write_samples(tmp_path, seed=5, per_class=1)
    assert len(list(tmp_path.glob("*.png"))) == len(CLASSES)
    assert size == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert json.loads((tmp_path / "index.json").read_text())["seed"] == 5


def test_golden_pictures_differ_in_size_and_colour() -> None:
    sizes = set()
    for _, encoded in golden_pictures():
        image = Image.open(io.BytesIO(encoded)).convert("RGB")
        sizes.add(image.size)
        assert len(set(np.asarray(image, float).mean((0, 1)).round(1))) > 1
    assert sizes == {(SIDE, SIDE), (32, 32), (240, 160)}


def test_a_palette_costs_little() -> None:
    scene = draw_scene("ship", 0, 1)
    decoded = np.asarray(Image.open(io.BytesIO(encode(scene))).convert("RGB"), float)
    assert np.abs(decoded - np.asarray(scene, float)).mean() < 6


def test_a_smooth_curve_goes_through_its_points() -> None:
    points = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    for closed in (True, False):
        curve = smooth(points, closed=closed)
        for point in points:
            assert np.abs(curve - point).sum(1).min() < 1e-9


def test_placement_turns_and_mirrors() -> None:
    placed = Placement(0.5, 0.25, 0.1, turn_degrees=90, mirrored=True).pixels([(1.0, 0.0)])
    assert np.allclose(placed, [[0.5 * CANVAS, (0.25 - 0.1) * CANVAS]])


def test_an_unknown_bundle_ends_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--evaluate", "nowhere"]) == 1
    assert "no bundle of this name or path" in capsys.readouterr().err
