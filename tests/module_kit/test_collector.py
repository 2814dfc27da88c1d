from __future__ import annotations

import gc

from module_kit.module import _relieve_the_collector


def test_what_is_loaded_is_walked_no_more_and_cycles_are_still_collected() -> None:
    before = gc.get_threshold()
    try:
        _relieve_the_collector()
        assert gc.get_freeze_count() > 1000
        assert gc.isenabled()
        assert gc.get_threshold()[0] > 700
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        assert gc.collect() >= 1
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
