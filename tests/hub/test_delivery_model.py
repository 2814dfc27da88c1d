"""Random lives of a module input against a model: order kept, nothing lost, nothing twice without cause."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from edge_runtime.hub import confirmations, hot_queue, module_delivery
from edge_runtime.hub.database import open_database
from tests.hub.delivery_model import DeliveryModel

_commit = st.tuples(st.just("commit"), st.lists(st.sampled_from([0, 0, 0, 7, 15]), min_size=1, max_size=25))
_announce = st.tuples(st.just("announce"), st.integers(1, 25))
_confirm = st.tuples(st.just("confirm"), st.lists(st.integers(0, 4), min_size=1, max_size=25))
_pause = st.tuples(st.just("pause"), st.integers(1, 10))
_end_reads = st.tuples(st.just("end_reads"), st.none())
_plain = st.tuples(
    st.sampled_from(["attach", "attach", "detach", "congest", "drain", "time_out", "confirm_on_dead_links"]),
    st.none(),
)
_restart = st.tuples(st.sampled_from(["stop", "stop", "crash"]), st.none())
_step = st.one_of(
    _commit, _announce, _announce, _confirm, _confirm, _pause, _end_reads, _plain, _plain, _restart
)
_life = st.lists(_step, min_size=20, max_size=80)


@pytest.fixture(autouse=True)
def small_windows() -> Iterator[None]:
    """So that a few messages fill the window, spill to the disk and come back in several reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hot_queue, "HOT_MESSAGES", 6)
        patch.setattr(hot_queue, "HOT_BYTES", 4000)
        patch.setattr(hot_queue, "_REFILL", 4)
        patch.setattr(hot_queue, "_REFILL_BYTES", 1500)
        patch.setattr(module_delivery, "WINDOW", 3)
        patch.setattr(confirmations, "ENTRIES", 8)
        patch.setattr(confirmations, "HURRY_AT", 5)
        patch.setattr(confirmations, "PAUSE_AT", 5)
        yield


@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(_life, st.integers(1, 900), st.integers(0, 6))
def test_any_life_of_an_input(life: list[tuple[str, Any]], size: int, read_turns: int) -> None:
    asyncio.run(_live(life, size, read_turns))


async def _live(life: list[tuple[str, Any]], size: int, read_turns: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "hub.db"
        open_database(database).close()
        model = DeliveryModel(database, read_turns=read_turns)
        await model.open()
        try:
            for what, argument in life:
                await _take(model, what, argument, size)
                model.check()
            await model.finish()
            model.check()
        finally:
            model.close()


async def _take(model: DeliveryModel, what: str, argument: Any, size: int) -> None:
    if what == "commit":
        for rank in argument:
            model.commit(rank, size)
    elif what == "confirm":
        for choice in argument:
            model.confirm(choice)
    elif what == "pause":
        for _ in range(argument):
            await asyncio.sleep(0)
    elif what in ("stop", "crash"):
        await model.restart(crash=what == "crash")
    else:
        step = getattr(model, what)
        done = step() if argument is None else step(argument)
        if done is not None:
            await done
