from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.manifest.located_json import JsonSyntaxError, Node, offset_in_string, read

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON, st.booleans(), st.sampled_from([None, 2]))
def test_reads_what_the_standard_library_writes(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert read(text).root.plain() == json.loads(text)


@given(JSON)
def test_every_value_stands_where_it_says(value: Any) -> None:
    text = json.dumps(value, indent=2)

    def check(node: Node) -> None:
        assert json.loads(text[node.start : node.end]) == node.plain()
        for name, member in node.members.items():
            assert member.key is not None
            assert text.startswith(json.dumps(name), member.key)
            check(member)
        for item in node.value if isinstance(node.value, list) else ():
            check(item)

    check(read(text).root)


@given(st.text(), st.booleans())
def test_finds_a_character_of_a_string_in_the_text(value: str, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    node = read(text).root
    for index, character in enumerate(value):
        escaped = json.dumps(character, ensure_ascii=ascii_only)[1:-1]
        assert text.startswith(escaped, offset_in_string(text, node, index))
    assert offset_in_string(text, node, len(value)) == len(text) - 1


@pytest.mark.parametrize(
    ("text", "offset", "what"),
    [
        ("", 0, "a value is expected"),
        ("  ", 2, "a value is expected"),
        ('{"a": }', 6, "a value is expected"),
        ('{"a": 1,}', 7, "a comma stands before '}'"),
        ("[1,]", 2, "a comma stands before ']'"),
        ('{"a": 1 "b": 2}', 8, "a comma or '}' is expected"),
        ("[1 2]", 3, "a comma or ']' is expected"),
        ("{a: 1}", 1, "a name in double quotes"),
        ('{"a" 1}', 5, "a colon is expected after the name 'a'"),
        ('{"a": "b}', 6, "a string has no end"),
        ('"\\x"', 1, "invalid \\escape"),
        ('"\n"', 1, "invalid control character"),
        ("NaN", 0, "a value is expected"),  # no JSON, though Python takes it
        ("01", 1, "something follows"),
        ("{} {}", 3, "something follows"),
        ("// x\n{}", 0, "a value is expected"),  # comments are VS Code's, not JSON
        ("[" * 300, 201, "nested deeper than 200"),
    ],
)
def test_says_where_a_text_stops_being_json(text: str, offset: int, what: str) -> None:
    with pytest.raises(JsonSyntaxError, match=r".*") as caught:
        read(text)
    assert what in str(caught.value)
    assert caught.value.offset == offset


def test_notes_names_given_twice() -> None:
    reading = read('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}')
    assert reading.root.plain() == {"a": 3, "b": {"c": 2}}
    assert reading.repeated == [("c", 23), ("a", 32)]


def test_nearest_stops_where_the_path_ends() -> None:
    root = read('{"a": [{"b": 1}]}').root
    node, rest = root.nearest(("a", 0, "c", "d"))
    assert (node.plain(), rest) == ({"b": 1}, ("c", "d"))
    assert root.get("a", 1) is None
