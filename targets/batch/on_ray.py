"""The table of `image_classifier score`, made by Ray Data: the same entries, names, columns and scores.

The driver lists the input, actors (one model each) read and score, and every block becomes a Parquet file. Input and
output lie where every node sees them. Ray runs a block again when a node or a worker dies, a few times.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import image_classifier
import targets
from image_classifier.batch import journal as journals
from image_classifier.batch.entries import WORK_SUFFIX, Entry, list_entries
from image_classifier.batch.errors import BatchError, MissingExtraError
from image_classifier.batch.reading import PictureReader
from image_classifier.batch.scoring import score
from image_classifier.batch.table import columns, table_schema
from image_classifier.batch.whole_file import telling_of
from image_classifier.bundle import Bundle
from image_classifier.classifier import Classifier

BLOCK_ENTRIES = 1024
_RETRIES = 3
"""Of a block whose actor died, and of that actor. Ray's own default is for ever, which a deadly picture would use."""
_LOCAL_STORE_BYTES = 200 << 20


@dataclass(slots=True)
class Tally:
    """Rows of the table, and of them those without scores by reason."""

    rows: int = 0
    bad: Counter[str] = field(default_factory=Counter)


class Scorer:
    """A Ray actor: one model, one reader."""

    def __init__(self, bundle: Bundle) -> None:
        self._classifier = Classifier(bundle)
        self._reader = PictureReader()

    def __call__(self, batch: dict[str, Any]) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - only where Ray runs

        entries = [
            Entry.of_row(list(row)) for row in zip(*(batch[name] for name in Entry.__slots__), strict=True)
        ]
        scores = score(self._classifier, self._reader, entries)
        return pa.table(columns(self._classifier.bundle, entries, scores), schema=table_schema(pa))


def run(bundle: Bundle, source: Path, out: Path, *, address: str | None, actors: int) -> Tally:
    """Score everything in `source` into Parquet files in the folder `out`.

    Args:
        bundle: sent to every actor, whose nodes need not have it.
        source: see `list_entries`.
        out: must not exist; it appears when all is written.
        address: of a Ray cluster; None: one in this machine, on loopback, with `actors` processors.
        actors: how many score side by side.

    Raises:
        MissingExtraError: Ray is not installed.
        BatchError: input, output or cluster cannot be used.
    """
    source, out = source.resolve(), out.absolute()
    if out.exists():
        raise BatchError(f"{out}: exists; name another folder, or remove it")
    # Not the folder of `scripts/score`: that one's work is gone on with, and may be hours of it.
    work = out.with_name(f"{out.name}.ray{WORK_SUFFIX}")
    with journals.locked(work):
        try:
            journals.clear(work)
            entries = list_entries(source, work).entries
            with _cluster(address, actors) as data:
                tally = _score(data, bundle, entries, work / "table", actors)
            with telling_of(out):
                (work / "table").replace(out)
            return tally
        finally:
            journals.discard(work)


def _score(data: Any, bundle: Bundle, entries: list[Entry], table: Path, actors: int) -> Tally:
    rows = [dict(zip(Entry.__slots__, entry.row(), strict=True)) for entry in entries]
    blocks = max(1, min(len(rows), max(2 * actors, len(rows) // BLOCK_ENTRIES)))
    data.from_items(rows, override_num_blocks=blocks).map_batches(
        Scorer,
        fn_constructor_args=(bundle,),
        batch_size=BLOCK_ENTRIES,
        batch_format="numpy",
        compute=data.ActorPoolStrategy(size=actors),
        num_cpus=1,
        max_restarts=_RETRIES,
        max_task_retries=_RETRIES,
    ).write_parquet(
        str(table), ray_remote_args={"num_cpus": 0}
    )  # else it waits for processors that the actors hold
    tally = _counted(table)
    if tally.rows != len(entries):
        raise BatchError(f"{table}: holds {tally.rows} of {len(entries)} rows; run the same command again")
    return tally


def _counted(table: Path) -> Tally:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only where Ray runs

    tally = Tally()
    for file in table.glob("*.parquet"):
        errors = pq.read_table(file, columns=["error"])["error"].to_pylist()
        tally.rows += len(errors)
        tally.bad.update(reason for reason in errors if reason is not None)
    return tally


def _first_cause(error: Exception) -> str:
    """An actor's exception comes back as the text of its traceback, whose first one is the cause of the others."""
    told = str(error)
    if (first := re.search(r"^[\w.]+(Error|Exception): .+$", told, re.MULTILINE)) is not None:
        return first[0]
    return f"{type(error).__name__}: {told.partition(chr(10))[0]}"


@contextlib.contextmanager
def _cluster(address: str | None, actors: int) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing goes out unasked
    try:
        import ray  # noqa: PLC0415 - absent but for .venv-ray
        import ray.data  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise MissingExtraError(
            "needs Ray: start scripts/score-on-ray, which sets up .venv-ray with it"
        ) from None
    code = [str(Path(str(package.__file__)).parent) for package in (image_classifier, targets)]
    local = {
        "address": "local",
        "num_cpus": actors,
        "object_store_memory": _LOCAL_STORE_BYTES,
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
    }
    try:
        ray.init(**({"address": address} if address else local), runtime_env={"py_modules": code})
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise BatchError(f"{address or 'a local cluster'}: no Ray cluster answers: {error}") from None
    try:
        yield ray.data
    except (ray.exceptions.RayError, OSError) as error:
        raise BatchError(f"Ray gave up: {_first_cause(error)}; mend that and run again") from None
    finally:
        ray.shutdown()
