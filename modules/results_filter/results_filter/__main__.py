"""`python3 -m results_filter`; with `--self-test`, a stream that must give a start and an end."""

from __future__ import annotations

from module_kit.module import run_module
from results_filter.module import main
from results_filter.self_test import self_test
from results_filter.settings import FilterSettings

if __name__ == "__main__":
    run_module("results_filter", FilterSettings, main, self_test=self_test)
