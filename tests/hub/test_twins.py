from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.hub.commit import CommitThread
from edge_runtime.hub.database import open_database
from edge_runtime.hub.message import ClientId
from edge_runtime.hub.ports import InvalidTwinError
from edge_runtime.hub.twin_rules import difference, merge, validate_patch
from edge_runtime.hub.twins import Twins

CAMERA = ClientId("edge", "camera")

scalars = st.one_of(st.booleans(), st.integers(-(2**50), 2**50), st.text(max_size=5))
names = st.text("abcdef", min_size=1, max_size=3)
values = st.recursive(
    scalars, lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(names, v, max_size=3)), max_leaves=8
)
sections = st.dictionaries(names, values, max_size=4)


@pytest.mark.parametrize(
    ("section", "patch", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),  # what is not named stays
        ({"a": 1}, {"a": None}, {}),  # null deletes
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": None, "z": 3}}, {"a": {"x": 1, "z": 3}}),  # objects merge
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),  # arrays replace
        ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),  # scalars replace objects
        ({"a": 5}, {"a": {"x": None, "y": 1}}, {"a": {"y": 1}}),  # no null survives in a new object
        ({"a": 1}, {"$version": 7}, {"a": 1}),  # a version in a patch is not a property
    ],
)
def test_merge(section: dict[str, Any], patch: dict[str, Any], merged: dict[str, Any]) -> None:
    assert merge(section, patch) == merged


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "$version": 7}, {"b": 1}, {"a": None, "b": 1}),
        ({"m": {"x": {"s": 1}, "y": {"s": 1}}}, {"m": {"x": {"s": 2}}}, {"m": {"x": {"s": 2}, "y": None}}),
        ({"m": {"x": 1}}, {"m": 5}, {"m": 5}),
        ({"m": 5}, {"m": {}}, {"m": {}}),
        ({"m": {}}, {"m": {}}, {}),
        ({"a": True}, {"a": 1}, {"a": 1}),  # equal in Python, not in JSON
    ],
)
def test_difference(old: dict[str, Any], new: dict[str, Any], patch: dict[str, Any]) -> None:
    assert difference(old, new) == patch


@given(sections, sections)
def test_the_difference_turns_the_old_section_into_the_new(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert merge(old, difference(old, new)) == new


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ([], "a patch is a JSON object, not list"),
        ({"a.b": 1}, "'a.b': no blank"),
        ({"a$": 1}, "no blank"),
        ({"a b": 1}, "no blank"),
        ({"x": {"#": 1}}, r"'x\.#': no blank"),
        ({"": 1}, "a name has 1 to 1024 bytes"),
        ({"n" * 1025: 1}, "a name has 1 to 1024 bytes"),
        ({"a": "x" * 4097}, "a: text longer than 4096 bytes"),
        ({"a": 2**52 + 1}, "integers lie within"),
        ({"a": [1, None]}, r"a\[1\]: null inside an array"),
        ({"a": float("nan")}, "not a finite number"),
        ({"a": float("inf")}, "not a finite number"),
    ],
)
def test_invalid_patches_name_the_property_and_the_rule(patch: Any, message: str) -> None:
    with pytest.raises(InvalidTwinError, match=message):
        validate_patch(patch)


def test_depth_ten_is_allowed_and_eleven_is_not() -> None:
    nested: dict[str, Any] = {"v": 1}
    for _ in range(9):
        nested = {"n": nested}
    validate_patch(nested)
    with pytest.raises(InvalidTwinError, match="deeper than 10"):
        validate_patch({"n": nested})


async def test_versions_start_at_one_and_count_patches(database: Path, commits: CommitThread) -> None:
    connection = open_database(database)
    twins = Twins(connection, commits)
    assert twins.read(CAMERA) == {"desired": {"$version": 1}, "reported": {"$version": 1}}
    assert await twins.report(CAMERA, {"state": "running"}) == 2
    assert await twins.patch_desired(CAMERA, {"fps": 5}) == 2
    assert await twins.patch_desired(CAMERA, {"fps": None}) == 3
    again = Twins(connection, commits)  # as after a restart
    assert again.read(CAMERA) == {"desired": {"$version": 3}, "reported": {"state": "running", "$version": 2}}
    connection.close()


async def test_a_section_has_at_most_32_kb(database: Path, commits: CommitThread) -> None:
    connection = open_database(database)
    twins = Twins(connection, commits)
    for n in range(7):
        await twins.report(CAMERA, {f"k{n}": "x" * 4096})
    before = twins.read(CAMERA)
    with pytest.raises(InvalidTwinError, match="at most 32768"):
        await twins.report(CAMERA, {"k8": "x" * 4096})
    assert twins.read(CAMERA) == before
    connection.close()


async def test_a_deployment_tells_only_what_changed(database: Path, commits: CommitThread) -> None:
    connection = open_database(database)
    twins = Twins(connection, commits)
    assert await twins.replace_desired(CAMERA, {"fps": 5, "format": "png"}) == {"fps": 5, "format": "png"}
    assert await twins.replace_desired(CAMERA, {"fps": 6}) == {"format": None, "fps": 6}
    assert await twins.replace_desired(CAMERA, {"fps": 6}) == {}
    connection.close()
