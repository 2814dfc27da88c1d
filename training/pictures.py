"""The data set as those who measure with it want it: one labelled picture after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from image_classifier.labelled import Labelled
from training.dataset import CLASSES, LabelledImages
from training.loading import encoded_images, load_split


def labelled(data: LabelledImages, origin: str) -> Iterator[Labelled]:
    """Images in memory."""
    for number, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
        yield Labelled(image, int(label), f"{origin}#{number}")


def labelled_files(files: Iterable[tuple[bytes, str]], origin: str) -> Iterator[Labelled]:
    """Encoded pictures with the names of their classes, to be decoded as the edge decodes them."""
    for number, (raw, name) in enumerate(files):
        yield Labelled(raw, CLASSES.index(name), f"{origin}#{number}")


def read_test_split(data: Path) -> tuple[list[Labelled], str]:
    """The test split as it lies there, its pictures' files or their pixels where it has no files; and which.

    Raises:
        DatasetError: there is no test split.
    """
    files = list(labelled_files(encoded_images(data, "test"), "test"))
    if files:
        return files, "JPEG files"
    images, layout = load_split(data, "test")
    return list(labelled(images, "test")), layout
