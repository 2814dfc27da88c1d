"""What an option of a command may be, as `type` of argparse: a wrong value is told with what was expected."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from image_classifier.bundle import DOCUMENT, NAME, VERSION

MAX_THREADS = 64
"""The runtimes end the process when they are asked for some thousands."""


def count(text: str) -> int:
    """A whole number, at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def thread_count(text: str) -> int:
    """Threads of one inference, 1 to `MAX_THREADS`."""
    number = count(text)
    if number > MAX_THREADS:
        raise argparse.ArgumentTypeError(f"{text} is more than {MAX_THREADS}")
    return number


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not (math.isfinite(number) and number > 0):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def measuring_time(text: str) -> float:
    """Seconds that a measurement may take, above 0 and at most an hour."""
    seconds = positive(text)
    if seconds > 3600:
        raise argparse.ArgumentTypeError(f"{text} is more than 3600 seconds")
    return seconds


def margin(text: str) -> float:
    """A bundle's margin, a difference of probabilities: 0 to 1."""
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0..1")
    return number


def version(text: str) -> str:
    """A bundle's version."""
    if not re.fullmatch(VERSION, text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a semantic version such as 1.0.0")
    return text


def bundle_name(text: str) -> str:
    """A bundle's name, which is its folder's too."""
    if not re.fullmatch(NAME, text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no name of a bundle: 1 to 64 of a-z, 0-9, '_', '.' and '-', the first a letter or digit"
        )
    return text


def new_bundle_folder(text: str) -> Path:
    """A folder for a bundle: its last part is the bundle's name, and nothing else than a bundle is there yet."""
    path = Path(text)
    bundle_name(path.resolve().name)
    if path.exists() and not (path.is_dir() and ((path / DOCUMENT).is_file() or not any(path.iterdir()))):
        raise argparse.ArgumentTypeError(f"{text} exists and is no bundle: give another folder")
    return path
