"""What options may be: the good ones, and how the others are refused."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_classifier.bundle import Bundle
from image_classifier.option_types import (
    MAX_THREADS,
    bundle_name,
    count,
    margin,
    measuring_time,
    new_bundle_folder,
    positive,
    thread_count,
    version,
)
from image_classifier.runtime import new_interpreter


@pytest.mark.parametrize(
    ("of", "text", "value"),
    [
        (count, "1", 1),
        (thread_count, str(MAX_THREADS), MAX_THREADS),
        (positive, "1e-3", 0.001),
        (measuring_time, "3600", 3600.0),
        (margin, "0", 0.0),
        (margin, "1", 1.0),
        (version, "1.2.3-rc.1", "1.2.3-rc.1"),
        (bundle_name, "fast", "fast"),
    ],
)
def test_good(of: Callable[[str], Any], text: str, value: object) -> None:
    assert of(text) == value


@pytest.mark.parametrize(
    ("of", "text", "message"),
    [
        (count, "0", "0 is not at least 1"),
        (count, "1.5", "'1.5' is not a whole number"),
        (thread_count, str(MAX_THREADS + 1), f"is more than {MAX_THREADS}"),
        (thread_count, "-1", "is not at least 1"),
        (positive, "soon", "'soon' is not a number"),
        (positive, "0", "0 is not above 0"),
        (positive, "nan", "nan is not above 0"),
        (positive, "inf", "inf is not above 0"),
        (measuring_time, "3601", "is more than 3600 seconds"),
        (margin, "1.01", "1.01 is not in 0..1"),
        (margin, "nan", "nan is not in 0..1"),
        (margin, "x", "'x' is not a number"),
        (version, "1.0", "'1.0' is not a semantic version"),
        (bundle_name, "Fast", "'Fast' is no name of a bundle"),
        (bundle_name, "../fast", "is no name of a bundle"),
        (bundle_name, "", "'' is no name of a bundle"),
    ],
)
def test_bad(of: Callable[[str], object], text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        of(text)
    assert message in str(refused.value)


def test_a_runtime_takes_the_most_threads(tiny_bundle: Bundle) -> None:
    new_interpreter(tiny_bundle.model_bytes, MAX_THREADS).invoke()


def test_a_new_bundle_replaces_a_bundle_or_nothing(tiny_bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tiny_bundle.folder, tmp_path / "empty", tmp_path / "absent"):
        assert new_bundle_folder(str(place)) == place
    (tmp_path / "full").mkdir()
    for file in (tmp_path / "file", tmp_path / "full" / "thesis.txt"):
        file.write_text("dear")
    for place in (tmp_path / "file", tmp_path / "full"):
        with pytest.raises(argparse.ArgumentTypeError, match="exists and is no bundle"):
            new_bundle_folder(str(place))
    with pytest.raises(argparse.ArgumentTypeError, match="'Name' is no name of a bundle"):
        new_bundle_folder(str(tmp_path / "Name"))
