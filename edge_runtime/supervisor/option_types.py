"""What an option of a command may be, as `type` of argparse: a wrong value is told with what was expected."""

from __future__ import annotations

import argparse


def seconds(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number
