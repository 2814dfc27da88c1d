"""`scripts/bench BENCHMARK ...`. Exit codes: 0 measured, 1 a file or data set is refused, 2 wrong usage."""

from __future__ import annotations

import argparse
import importlib
import sys

from benchmarks.errors import BenchmarkError
from image_classifier.errors import ImageClassifierError

BENCHMARKS = {
    "batch": ("benchmarks.batch.command", "scripts/score beside a bare loop on each core"),
    "model": ("benchmarks.model.command", "bundles beside reference models: latency, accuracy, size, memory"),
    "hub": (
        "benchmarks.hub.command",
        "the hub beside mosquitto and amqtt: throughput, latency, memory, backlog",
    ),
    "idle": (
        "benchmarks.idle.command",
        "what the solution uses while nothing happens, and how long it takes to start",
    ),
    "pipeline": (
        "benchmarks.pipeline.command",
        "frames a second through the whole solution, with and without readers of its live page",
    ),
    "recovery": (
        "benchmarks.recovery.command",
        "kill -9 of the hub: how long until the next message arrives",
    ),
    "serve": (
        "benchmarks.serve.command",
        "the web service beside LitServe, MLServer and BentoML: requests, latency, memory, start, overload",
    ),
}
"""Name -> module with `add_arguments(parser)` and `run(options)`, and what it measures."""


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure the product on this machine.")
    benchmarks = parser.add_subparsers(dest="benchmark", required=True)
    for name, (module, what) in BENCHMARKS.items():
        chosen = benchmarks.add_parser(name, help=what)
        if name in arguments[:1]:  # the others may need what is not installed
            importlib.import_module(module).add_arguments(chosen)
    options = parser.parse_args(arguments)
    try:
        importlib.import_module(BENCHMARKS[options.benchmark][0]).run(options)
    except (BenchmarkError, ImageClassifierError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
