"""How pixels become a user's model's input: the `--normalisation` of `scripts/train --from-keras`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

_RANGES = {"0..1": (0.0, 255.0), "-1..1": (127.5, 127.5), "0..255": (0.0, 1.0)}
_IMAGENET = "mean=123.675,116.28,103.53,std=58.395,57.12,57.375"
NORMALISATIONS = f"{', '.join(_RANGES)}, or such as {_IMAGENET}"


class NormalisationError(Exception):
    """Not a normalisation; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """real = (pixel - mean) / deviation, pixel 0..255, for red, green and blue."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def document(self) -> dict[str, Any]:
        return {"mean": list(self.mean), "standardDeviation": list(self.deviation)}


def parse_normalisation(text: str) -> Normalisation:
    """A range's name, or `mean=M,std=S` with one number for all channels or three, in levels of 0..255.

    Raises:
        NormalisationError: neither.
    """
    if text in _RANGES:
        mean, deviation = _RANGES[text]
        return Normalisation((mean,) * 3, (deviation,) * 3)
    found = re.fullmatch(r"mean=([-+0-9.e,]+?),?std=([-+0-9.e,]+)", text)
    means, deviations = (_channels(numbers) for numbers in found.groups()) if found else ((), ())
    if not means or not deviations:
        raise NormalisationError(f"--normalisation {text}: expected {NORMALISATIONS}")
    if min(deviations) <= 0:
        raise NormalisationError(f"--normalisation {text}: a deviation must be above 0")
    if max(deviations) < 1:
        levels = ",".join(f"{255 * d:g}" for d in deviations)
        raise NormalisationError(
            f"--normalisation {text}: deviations in levels of 0..255 are expected, these are of pixels in 0..1; "
            f"times 255 (the means too) they are std={levels}"
        )
    return Normalisation(means, deviations)


def _channels(text: str) -> tuple[float, ...]:
    """Three numbers, of three or of one; none where the text holds anything else."""
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        return ()
    if len(numbers) not in (1, 3) or not np.isfinite(numbers).all():
        return ()
    return tuple(numbers * 3 if len(numbers) == 1 else numbers)
