"""The table of scores, and the parts that become it. The only file that knows pyarrow."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from image_classifier.batch.entries import Entry
from image_classifier.batch.errors import MissingExtraError
from image_classifier.batch.journal import Journal
from image_classifier.batch.scoring import NO_TRUTH, Scores
from image_classifier.batch.whole_file import telling_of, write_whole
from image_classifier.bundle import Bundle

SCHEMA = "scores/1"
_WORK = "work"
"""The key in the metadata of a part that holds its journal's identity."""
_ROWS_A_GROUP = 65_536
LISTED_AT_MOST = 1000
"""Bad pictures that a tally names; the table names all."""


@dataclass(slots=True)
class Tally:
    """What a whole table holds. `listed`: name, reason and detail of the first bad ones."""

    rows: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    listed: list[tuple[str, str, str]] = field(default_factory=list)


def columns(bundle: Bundle, entries: Sequence[Entry], scores: Scores) -> dict[str, list[Any]]:
    """One list a column, for the entries of one part; None where there is no answer (or no truth).

    `label` and `probability` are the best one's (the first of equals, as `Classifier` has it); `abstained`: the
    best two are closer than the bundle's margin.
    """
    best = scores.probabilities.argmax(axis=1)
    ordered = np.sort(scores.probabilities, axis=1)
    close = (
        ordered[:, -1] - ordered[:, -2] < bundle.margin if ordered.shape[1] > 1 else np.zeros(len(best), bool)
    )
    places = range(len(entries))
    good = [place not in scores.failures for place in places]
    problems = [scores.failures.get(place, (None, None)) for place in places]
    return {
        "picture": [entry.name for entry in entries],
        "truth": [None if truth == NO_TRUTH else bundle.labels[truth] for truth in scores.truths],
        "label": [bundle.labels[number] if ok else None for number, ok in zip(best, good, strict=True)],
        "probability": [
            float(row[number]) if ok else None
            for row, number, ok in zip(scores.probabilities, best, good, strict=True)
        ],
        "abstained": [bool(value) if ok else None for value, ok in zip(close, good, strict=True)],
        "probabilities": [row if ok else None for row, ok in zip(scores.probabilities, good, strict=True)],
        "error": [reason for reason, _ in problems],
        "detail": [detail for _, detail in problems],
    }


def check_extra() -> None:
    """Raises MissingExtraError before any work is done."""
    _pyarrow()


def write_part(journal: Journal, number: int, table: dict[str, list[Any]]) -> None:
    """Raises BatchError: no room."""
    arrow = _pyarrow()
    schema = table_schema(arrow).with_metadata({_WORK: journal.identity})

    def write(path: Path) -> None:
        with arrow.OSFile(str(path), "wb") as sink, arrow.ipc.new_file(sink, schema) as out:
            out.write_table(arrow.table(table, schema=schema))

    write_whole(journal.part_file(number), write)


def done_parts(journal: Journal) -> frozenset[int]:
    """Numbers of the parts that are whole; one that cannot be read, or is of other work, counts as not done."""
    arrow = _pyarrow()
    return frozenset(number for number in range(journal.parts) if _whole(arrow, journal, number))


def join(journal: Journal, out: Path, about: dict[str, Any]) -> Tally:
    """Write all parts, in their order, as one Parquet file. The same parts give the same bytes.

    Raises:
        BatchError: no room.
    """
    arrow, tally = _pyarrow(), Tally()
    parquet = importlib.import_module("pyarrow.parquet")
    schema = table_schema(arrow).with_metadata({SCHEMA: json.dumps(about, sort_keys=True)})

    def write(path: Path) -> None:
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            for group in _groups(arrow, journal, tally):
                writer.write_table(group.cast(schema), row_group_size=_ROWS_A_GROUP)

    finished = journal.folder / out.name
    write_whole(finished, write)
    with telling_of(out):
        finished.replace(out)
    return tally


def _groups(arrow: Any, journal: Journal, tally: Tally) -> Iterator[Any]:
    held = table_schema(arrow).empty_table()
    for number in range(journal.parts):
        part = _read(arrow, journal.part_file(number)).replace_schema_metadata()
        _count(part, tally)
        held = arrow.concat_tables([held, part])
        while held.num_rows >= _ROWS_A_GROUP:
            yield held.slice(0, _ROWS_A_GROUP)
            held = held.slice(_ROWS_A_GROUP)
    if held.num_rows:
        yield held


def _count(part: Any, tally: Tally) -> None:
    tally.rows += part.num_rows
    for picture, reason, detail in zip(
        *(part[name].to_pylist() for name in ("picture", "error", "detail")), strict=True
    ):
        if reason is not None:
            tally.bad[reason] += 1
            if len(tally.listed) < LISTED_AT_MOST:
                tally.listed.append((picture, reason, detail))


def _whole(arrow: Any, journal: Journal, number: int) -> bool:
    file = journal.part_file(number)
    try:
        if not file.exists():
            return False
        part = _read(arrow, file)
        ours = (part.schema.metadata or {}).get(_WORK.encode()) == journal.identity.encode()
        return ours and part.num_rows == len(journal.part(number))
    except (OSError, arrow.ArrowInvalid):
        return False


def _read(arrow: Any, file: Path) -> Any:
    with arrow.OSFile(str(file), "rb") as source:
        return arrow.ipc.open_file(source).read_all()


def table_schema(arrow: Any) -> Any:
    """`scores/1` as a schema of `arrow`, the module pyarrow."""
    text, number = arrow.string(), arrow.float32()
    return arrow.schema(
        [
            arrow.field("picture", text, nullable=False),
            ("truth", text),
            ("label", text),
            ("probability", number),
            ("abstained", arrow.bool_()),
            ("probabilities", arrow.list_(number)),
            ("error", text),
            ("detail", text),
        ]
    )


def _pyarrow() -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise MissingExtraError(
            "writing a table needs pyarrow, which this Python does not have: start scripts/score, which sets up "
            ".venv-batch with it, or install requirements/batch.txt"
        ) from None
