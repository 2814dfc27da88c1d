from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.manifest.create_options import MOST_PIECES, PIECE, CreateOptionsError, join, split


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=300), max_size=2))
def test_what_is_split_joins_to_the_same(options: dict[str, Any]) -> None:
    pieces = split(options)
    assert join(pieces) == options
    assert all(len(piece) <= PIECE for piece in pieces.values())
    assert "".join(pieces.values()) == json.dumps(options, separators=(",", ":"))


@pytest.mark.parametrize(
    ("length", "names"),
    [
        (PIECE, ["createOptions"]),
        (PIECE + 1, ["createOptions", "createOptions01"]),
        (PIECE * MOST_PIECES, ["createOptions", *(f"createOptions{i:02}" for i in range(1, 8))]),
    ],
)
def test_pieces_are_numbered_from_01(length: int, names: list[str]) -> None:
    options = {"a": "x" * (length - len('{"a":""}'))}
    assert list(split(options)) == names


def test_more_than_eight_pieces_are_too_big() -> None:
    with pytest.raises(CreateOptionsError, match="createOptions has 4097 characters, the most is 4096"):
        split({"a": "x" * (PIECE * MOST_PIECES + 1 - len('{"a":""}'))})


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, {}),
        ({"createOptions": ""}, {}),
        ({"createOptions": "{}"}, {}),
        ({"createOptions": {"a": 1}}, {"a": 1}),  # a template's
        ({"createOptions01": "1}", "createOptions": '{"a":'}, {"a": 1}),
    ],
)
def test_reads(settings: dict[str, Any], options: dict[str, Any]) -> None:
    assert join(settings) == options


@pytest.mark.parametrize(
    ("settings", "name", "what"),
    [
        (
            {"createOptions": "{", "createOptions02": "}"},
            "createOptions02",
            "createOptions02 is there but createOptions01 is not",
        ),
        ({"createOptions01": "{}"}, "createOptions01", "createOptions01 is there but createOptions is not"),
        ({"createOptions": "{"}, "createOptions", "createOptions holds no JSON: expecting property name"),
        ({"createOptions": "[]"}, "createOptions", "createOptions is no JSON object"),
    ],
)
def test_refuses(settings: dict[str, Any], name: str, what: str) -> None:
    with pytest.raises(CreateOptionsError) as caught:
        join(settings)
    assert caught.value.name == name
    assert str(caught.value).startswith(what)
    assert caught.value.mend
