"""The records of the two official layouts: one label and 32x32 RGB pixels each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from camera.picture import Pixels
from camera.sources.cifar10_layout import BINARY, DataSet
from camera.sources.cifar10_pickle import PickleRefusedError, load_official
from camera.sources.source import SourceUnavailableError

SIDE = 32
PLANE = SIDE * SIDE
RECORD = 1 + 3 * PLANE
STANDARD_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MAXIMUM_META_BYTES = 64 * 1024
MAXIMUM_BATCH_BYTES = 64 * 1024 * 1024


def class_names(data: DataSet) -> tuple[str, ...]:
    """The ten names from the data set's own list; the standard ones when it has no list."""
    try:
        with data.open(data.layout.meta) as file:
            raw = file.read(MAXIMUM_META_BYTES)
    except SourceUnavailableError:
        return STANDARD_NAMES
    if data.layout is BINARY:
        names = tuple(raw.decode("utf-8", "replace").split())
    else:
        names = tuple(_text(name) for name in _listed(_unpickled(raw, data), "label_names", data))
    if len(names) != len(STANDARD_NAMES):
        raise SourceUnavailableError(
            f"cifar10: {data.layout.meta} in {data.place} lists {len(names)} names, not 10"
        )
    return names


def records(data: DataSet, batch: str, names: tuple[str, ...]) -> Iterator[Pixels]:
    """The pictures of one batch in file order."""
    with data.open(batch) as file:
        yield from (
            _binary(file, data, batch, names) if data.layout is BINARY else _python(file, data, batch, names)
        )


def _binary(file: IO[bytes], data: DataSet, batch: str, names: tuple[str, ...]) -> Iterator[Pixels]:
    number = 0
    while record := file.read(RECORD):
        if len(record) < RECORD:
            raise SourceUnavailableError(
                f"cifar10: {batch} in {data.place} ends within record {number} ({len(record)} of {RECORD} bytes)"
            )
        yield _pixels(memoryview(record)[1:], _name(record[0], names, f"{batch}, record {number}"))
        number += 1


def _python(file: IO[bytes], data: DataSet, batch: str, names: tuple[str, ...]) -> Iterator[Pixels]:
    raw = file.read(MAXIMUM_BATCH_BYTES + 1)
    if len(raw) > MAXIMUM_BATCH_BYTES:
        raise SourceUnavailableError(
            f"cifar10: {batch} in {data.place} is larger than an official batch can be"
        )
    content = _unpickled(raw, data)
    del raw
    labels = _listed(content, "labels", data)
    pixels = content.get("data")
    if not isinstance(pixels, bytes) or len(pixels) != len(labels) * 3 * PLANE:
        raise SourceUnavailableError(
            f"cifar10: {batch} in {data.place}: data and labels do not fit each other"
        )
    view = memoryview(pixels)
    for number, label in enumerate(labels):
        name = _name(label, names, f"{batch}, record {number}")
        yield _pixels(view[number * 3 * PLANE : (number + 1) * 3 * PLANE], name)


def _pixels(planes: memoryview, label: str) -> Pixels:
    rgb = bytearray(3 * PLANE)
    for channel in range(3):
        rgb[channel::3] = planes[channel * PLANE : (channel + 1) * PLANE]
    return Pixels(bytes(rgb), SIDE, SIDE, label)


def _name(label: object, names: tuple[str, ...], where: str) -> str:
    if not isinstance(label, int) or not 0 <= label < len(names):
        raise SourceUnavailableError(f"cifar10: {where}: label {label!r}, expected 0 to {len(names) - 1}")
    return names[label]


def _unpickled(raw: bytes, data: DataSet) -> dict[str, object]:
    try:
        return load_official(raw)
    except PickleRefusedError as error:
        raise SourceUnavailableError(f"cifar10: {data.place}: {error}") from None


def _listed(content: dict[str, object], key: str, data: DataSet) -> list[object]:
    value = content.get(key)
    if not isinstance(value, list):
        raise SourceUnavailableError(f"cifar10: {data.place}: no list {key!r} in the file")
    return value


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
