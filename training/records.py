"""The official binary record layout: 1 label byte, then 3,072 pixel bytes (R, G and B planes, row-major)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.dataset import CLASSES, SIDE, DatasetError, LabelledImages

RECORD_BYTES = 1 + 3 * SIDE * SIDE


def parse_records(raw: bytes, origin: Path) -> LabelledImages:
    """Images of one `.bin` file.

    Raises:
        DatasetError: `raw` is not a whole number of records, or a label is not 0..9.
    """
    count, rest = divmod(len(raw), RECORD_BYTES)
    if rest or not count:
        raise DatasetError(
            origin,
            f"{len(raw)} bytes are not a whole number of records of {RECORD_BYTES} bytes: "
            "the file is cut short or is not in the CIFAR-10 binary layout",
        )
    table = np.frombuffer(raw, np.uint8).reshape(count, RECORD_BYTES)
    labels = table[:, 0].copy()
    wrong = np.flatnonzero(labels >= len(CLASSES))
    if len(wrong):
        raise DatasetError(
            origin, f"record {wrong[0]} has label {labels[wrong[0]]}, expected 0..9 (CIFAR-100 is not read)"
        )
    return LabelledImages(planes_to_images(table[:, 1:]), labels)


def planes_to_images(
    planes: np.ndarray[tuple[int, int], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """uint8 (n, 3072) with R, G and B planes -> uint8 (n, 32, 32, 3)."""
    return np.ascontiguousarray(planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def format_records(data: LabelledImages) -> bytes:
    """The inverse of `parse_records`."""
    planes = data.images.transpose(0, 3, 1, 2).reshape(len(data), -1)
    return np.concatenate([data.labels[:, None], planes], axis=1).tobytes()
