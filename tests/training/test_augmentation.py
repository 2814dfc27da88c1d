"""What each change of the training images does to pixels, and that none touches its source."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.tiny_images import smooth_images
from training.augmentation import GREY, augment, cut_mix
from training.dataset import Images
from training.settings import Augmentation


def changed(source: Images, settings: Augmentation) -> Images:
    before = source.copy()
    out = augment(source, settings, np.random.default_rng(4))
    assert np.array_equal(source, before)
    assert (out.dtype, out.shape) == (source.dtype, source.shape)
    return out


def test_brightness_scales_an_image_within_its_bounds_and_saturates() -> None:
    levels = np.array([0, 100, 200, 255], np.uint8)
    source = np.broadcast_to(np.repeat(levels, 8)[None, :, None, None], (300, 32, 32, 3)).copy()
    factors = changed(source, Augmentation(brightness=0.2))[:, ::8, 0, 0] / np.maximum(levels, 1)
    assert (factors[:, 0] == 0).all()
    assert factors[:, 1].min() == pytest.approx(0.8, abs=0.02)
    assert factors[:, 1].max() == pytest.approx(1.2, abs=0.02)
    assert np.allclose(factors[:, 1], factors[:, 2], atol=0.01)
    assert factors[:, 3].max() == 1


def test_blur_spreads_a_point_and_keeps_flat_parts_and_edges() -> None:
    source = np.full((1, 32, 32, 3), 64, np.uint8)
    source[0, 16, 16] = 224
    out = changed(source, Augmentation(blur_fraction=1.0))[0, :, :, 1]
    assert out[15:18, 15:18].tolist() == [[74, 84, 74], [84, 104, 84], [74, 84, 74]]
    out[15:18, 15:18] = 64
    assert (out == 64).all()


def test_cutout_hides_one_square_that_may_reach_over_the_edge() -> None:
    source = np.full((500, 32, 32, 3), 255, np.uint8)
    hidden = changed(source, Augmentation(cutout_pixels=8)) == GREY
    assert hidden.sum(axis=(1, 2, 3)).max() == 8 * 8 * 3
    assert hidden.any(axis=(1, 2, 3)).all()
    assert hidden.any(axis=(0, 3)).all(), "some pixel is never hidden"
    for mask in hidden[..., 0]:
        rows, columns = mask.any(axis=1), mask.any(axis=0)
        assert mask.sum() == rows.sum() * columns.sum()
        assert max(rows.sum(), columns.sum()) <= 8


def test_jpeg_comes_before_the_shift() -> None:
    """Otherwise the blocks would always begin at the corner of what the model sees."""
    source = smooth_images(60, 7).images
    for shift, expected in ((0, {0}), (3, {0, 1, 2, 3, 5, 6, 7})):
        out = changed(source, Augmentation(jpeg_fraction=1.0, jpeg_quality=(5, 5), shift_pixels=shift))
        jumps = np.abs(np.diff(out.astype(int), axis=2)).sum(axis=(1, 3))
        # the columns at the blocks' edges differ most; counted from the second block on
        edges = {int(jump[7:].reshape(-1, 8).sum(axis=0).argmax()) for jump in jumps}
        assert edges == expected


def test_cutmix_gives_each_label_the_share_of_the_pixels_that_show_it() -> None:
    labels = np.arange(600) % 10
    source = np.broadcast_to(labels[:, None, None, None], (600, 32, 32, 3)).astype(np.uint8)
    targets = np.eye(10, dtype=np.float32)[labels]
    images, mixed = cut_mix(source, targets, 0.5, np.random.default_rng(4))
    shown = np.stack([(images[..., 0] == label).mean(axis=(1, 2)) for label in range(10)], axis=1)
    assert np.allclose(mixed, shown, atol=1e-6)
    changed_ones = (mixed != targets).any(axis=1)
    assert 0.3 < changed_ones.mean() < 0.5, "a tenth of the half meets its own label"
    shares = 1 - mixed[changed_ones, labels[changed_ones]]
    assert shares.min() < 0.05
    assert shares.max() > 0.8
    for image, label in zip(images, labels, strict=True):
        strange = image[..., 0] != label
        assert strange.sum() == strange.any(axis=1).sum() * strange.any(axis=0).sum(), "not a rectangle"
    assert np.array_equal(targets, np.eye(10, dtype=np.float32)[labels])
    assert np.array_equal(source[:, 0, 0, 0], labels)
