"""Time and size of networks before they are trained: int8 with random weights, interleaved with a reference.

usage: PYTHONPATH=.:libs .venv-train/bin/python -m training.candidates --reference FILE.tflite NETWORK...

A NETWORK is the name of a configuration, or STEM:WIDTHS:BLOCKS such as `pooled16:64-128-256:1-1-1`. One
thread; the ratio is to the reference in the same run, as `training.interleaving` takes it.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from image_classifier.model_file import read_model_file
from training.dataset import SIDE
from training.interleaving import interleaved_s, ratio, times_s
from training.settings import CONFIGS, Network, SettingsError, load_settings

_SHORT = re.compile(r"(strided|pooled)(\d+):(\d+(?:-\d+)*):(\d+(?:-\d+)*)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An int8 model; `macs` are the multiply-accumulates for one image."""

    model: bytes
    macs: int


def parse_network(text: str) -> Network:
    """The network of a configuration's name or of the short form.

    Raises:
        SettingsError: neither, or a network that cannot be.
    """
    short = _SHORT.fullmatch(text)
    if short is None:
        if (CONFIGS / f"{text}.toml").is_file():
            return load_settings(text).network
        raise SettingsError(f"{text}: expected a configuration's name or such as pooled16:64-128-256:1-1-1")
    stem, width, widths, blocks = short.groups()
    try:
        return Network.model_validate(
            {
                "architecture": "residual",
                "stem": stem,
                "stem_width": int(width),
                "widths": tuple(map(int, widths.split("-"))),
                "blocks": tuple(map(int, blocks.split("-"))),
            }
        )
    except ValidationError as error:
        raise SettingsError(f"{text}: {error.errors()[0]['msg']}") from None


def untrained(network: Network) -> Candidate:
    """Random weights, quantized with noise as pictures."""
    from training.network import build_network  # noqa: PLC0415 - TensorFlow takes seconds to import
    from training.quantization import to_int8  # noqa: PLC0415

    model = build_network(network)
    for layer in model.layers:
        # a residual branch begins at scale 0, which no trained one has and XNNPACK leaves to slow code
        if hasattr(layer, "gamma"):
            layer.gamma.assign(np.ones(layer.gamma.shape, np.float32))
    noise = np.random.default_rng(0).integers(0, 256, (10, SIDE, SIDE, 3), dtype=np.uint8)
    content = to_int8(model, noise)
    return Candidate(content, read_model_file(content, Path("candidate")).multiply_accumulates)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.candidates")
    parser.add_argument(
        "networks", nargs="+", metavar="NETWORK", help="a configuration or STEM:WIDTHS:BLOCKS"
    )
    parser.add_argument("--reference", type=Path, required=True, metavar="FILE.tflite")
    parser.add_argument("--seconds", type=float, default=30.0, help="measuring time in all (default 30)")
    options = parser.parse_args(arguments)
    try:
        networks = {name: parse_network(name) for name in options.networks}
        reference = options.reference.read_bytes()
    except (SettingsError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    candidates = {name: untrained(network) for name, network in networks.items()}
    models = {name: candidate.model for name, candidate in candidates.items()} | {"reference": reference}
    sittings = interleaved_s(models, options.seconds)
    medians = {name: statistics.median(times_s(sittings, name)) for name in models}
    print(f"{'network':<34} {'ratio':>6} {'ms':>7} {'million MACs':>13} {'kB':>6}")
    print(
        f"{'reference':<34} {1:6.2f} {1000 * medians['reference']:7.3f} {'':>13} {len(reference) / 1000:6.0f}"
    )
    for name, candidate in candidates.items():
        print(
            f"{name:<34} {ratio(sittings, name, 'reference').median:6.2f} {1000 * medians[name]:7.3f} "
            f"{candidate.macs / 1e6:13.1f} {len(candidate.model) / 1000:6.0f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
