"""Images in memory, the held-out split, twins, augmentation."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.tiny_images import smooth_images
from training.augmentation import augment, recompress
from training.dataset import LabelledImages, concatenate, held_out
from training.settings import Augmentation
from training.twins import find_twins, replace_twins


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((2, 32, 32, 3), np.float32), np.zeros(2, np.uint8)),
        (np.zeros((2, 3, 32, 32), np.uint8), np.zeros(2, np.uint8)),
        (np.zeros((2, 32, 32, 3), np.uint8), np.zeros(3, np.uint8)),
        (np.zeros((2, 32, 32, 3), np.uint8), np.array([0, 10], np.uint8)),
    ],
)
def test_wrong_arrays_are_refused(images: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        LabelledImages(images, labels)


def test_the_same_share_of_each_class_is_held_out() -> None:
    labels = np.repeat(np.arange(10), np.arange(20, 220, 20)).astype(np.uint8)
    data = LabelledImages(np.zeros((len(labels), 32, 32, 3), np.uint8), labels)
    kept, out = held_out(data, 0.1, seed=5)
    assert np.array_equal(np.sort(np.concatenate([kept, out])), np.arange(len(data)))
    assert np.bincount(labels[out]).tolist() == [n // 10 for n in range(20, 220, 20)]
    assert np.array_equal(out, held_out(data, 0.1, seed=5)[1])
    assert not np.array_equal(out, held_out(data, 0.1, seed=6)[1])


def test_the_fingerprint_sees_pixels_labels_and_order(train: LabelledImages) -> None:
    other = train.labels.copy()
    other[0] = (other[0] + 1) % 10
    variants = [
        train,
        train.take(np.arange(len(train))[::-1]),
        LabelledImages(255 - train.images, train.labels),
        LabelledImages(train.images, other),
    ]
    assert len({variant.fingerprint() for variant in variants}) == len(variants)


def test_twins_are_found_by_their_pixels_and_the_rest_is_added(train: LabelledImages) -> None:
    encoded = LabelledImages(np.stack([recompress(image, 75, 2) for image in train.images]), train.labels)
    stranger = smooth_images(1, 99)
    lossless = concatenate([train.take(np.array([4, 1])), stranger])
    assert find_twins(encoded, lossless).tolist() == [4, 1, -1]
    merged = replace_twins(encoded, lossless)
    assert (merged.replaced, merged.added) == (2, 1)
    assert np.flatnonzero(merged.lossless).tolist() == [1, 4, len(train)]
    assert np.array_equal(merged.data.images[-1], stranger.images[0])


def test_a_twin_of_another_class_is_none(train: LabelledImages) -> None:
    wrong = LabelledImages(train.images, ((train.labels.astype(int) + 1) % 10).astype(np.uint8))
    # an image may still have a neighbour by label, never its own pixels under another one
    twins = find_twins(train, wrong)
    assert (twins == -1).all()


def test_two_equal_candidates_are_no_twin(train: LabelledImages) -> None:
    doubled = concatenate([train, train])
    assert (find_twins(doubled, train.take(np.array([3]))) == -1).all()


ALL = Augmentation(flip=True, shift_pixels=3, jpeg_fraction=0.5)


def test_augmentation_follows_from_the_draw(train: LabelledImages) -> None:
    first, again, other = (augment(train.images, ALL, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == train.images.shape
    assert first.dtype == np.uint8


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Augmentation(), {"same"}),
        (Augmentation(flip=True), {"same", "flipped"}),
        (Augmentation(jpeg_fraction=1), {"other"}),
        (Augmentation(shift_pixels=2), {"same", "other"}),
    ],
)
def test_each_kind_does_its_own_and_leaves_the_source(settings: Augmentation, expected: set[str]) -> None:
    source = smooth_images(60, 3).images
    before = source.copy()
    out = augment(source, settings, np.random.default_rng(4))
    kinds = {
        "same" if np.array_equal(a, b) else "flipped" if np.array_equal(a, b[:, ::-1]) else "other"
        for a, b in zip(out, source, strict=True)
    }
    assert kinds == expected
    assert np.array_equal(source, before)


def test_a_shift_moves_pixels_and_repeats_the_edge() -> None:
    columns = np.broadcast_to(np.arange(32, dtype=np.uint8)[None, :, None] * 8, (32, 32, 3))
    out = augment(
        np.repeat(columns[None], 40, axis=0), Augmentation(shift_pixels=3), np.random.default_rng(0)
    )
    moves = {int(image[0, 16, 0]) // 8 - 16 for image in out}
    assert moves == set(range(-3, 4))
    for image in out:
        expected = np.clip(np.arange(32) + int(image[0, 16, 0]) // 8 - 16, 0, 31) * 8
        assert np.array_equal(image[:, :, 0], np.broadcast_to(expected, (32, 32)))
