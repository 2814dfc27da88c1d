"""The labelled pictures of a run: CIFAR-10's test split as it is found, and what the options name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.progress import tell
from image_classifier.labelled import Labelled, read_folder, read_records
from training.dataset import CLASSES, DatasetError
from training.evaluation_split import load_evaluation_split
from training.pictures import labelled, labelled_files

JPEG = "jpeg"
LOSSLESS = "lossless"


@dataclass(frozen=True, slots=True)
class DataSet:
    """Pictures under a name; their label numbers count in the order of `labels`."""

    name: str
    labels: tuple[str, ...]
    pictures: Iterable[Labelled]


def named_folder(name: str, folder: Path, labels: tuple[str, ...]) -> DataSet:
    """Class folders of JPEG and PNG files. Raises DataSetError."""
    return DataSet(name, labels, read_folder(folder, labels))


def named_records(name: str, file: Path, labels: tuple[str, ...]) -> DataSet:
    """Official CIFAR-10 binary records. Raises DataSetError."""
    return DataSet(name, labels, read_records(file, labels))


def cifar10_test(path: Path) -> Iterator[DataSet]:
    """The test split's files as `jpeg`, its official batches as `lossless` unless they are the files decoded.

    Raises:
        BenchmarkError: there is no test split, or a damaged one.
    """
    try:
        split = load_evaluation_split(path)
    except DatasetError as error:
        raise BenchmarkError(str(error)) from None
    if split.files:
        yield DataSet(JPEG, CLASSES, list(labelled_files(split.files, f"{path} test")))
    if split.originals is not None:
        yield DataSet(LOSSLESS, CLASSES, list(labelled(split.originals, f"{path} test batch")))
    if split.decoded_batches:
        tell(f"{path}: its test batch is its JPEG files decoded, so it is no lossless data set; left out")
