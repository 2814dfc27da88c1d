"""The `--normalisation` of a user's model."""

from __future__ import annotations

import pytest

from training.normalisation import NormalisationError, parse_normalisation


@pytest.mark.parametrize(
    ("text", "mean", "deviation"),
    [
        ("0..1", (0, 0, 0), (255, 255, 255)),
        ("-1..1", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
        ("0..255", (0, 0, 0), (1, 1, 1)),
        ("mean=103.939,116.779,123.68,std=1", (103.939, 116.779, 123.68), (1, 1, 1)),
        ("mean=0,std=51,52,53", (0, 0, 0), (51, 52, 53)),
        ("mean=-1e1,std=2.5", (-10, -10, -10), (2.5, 2.5, 2.5)),
    ],
)
def test_a_normalisation(text: str, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
    found = parse_normalisation(text)
    assert (found.mean, found.deviation) == (mean, deviation)
    assert found.document() == {"mean": list(mean), "standardDeviation": list(deviation)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0-1", "expected 0..1, -1..1, 0..255, or such as mean="),
        ("mean=1", "expected"),
        ("mean=1,2,std=1", "expected"),
        ("mean=1,std=", "expected"),
        ("mean=1,std=1e999", "expected"),
        ("mean=1,std=0", "a deviation must be above 0"),
        ("mean=1,std=5,-5,5", "a deviation must be above 0"),
        ("mean=0.485,0.456,0.406,std=0.229,0.224,0.225", "times 255 (the means too) they are std=58.395,57.12,57.375"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(NormalisationError) as raised:
        parse_normalisation(text)
    assert message in str(raised.value)
