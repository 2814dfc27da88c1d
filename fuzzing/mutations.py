"""Damaged and hostile variants of a bundle, each made from (seed, number) alone."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from image_classifier.flatbuffer import Content
from image_classifier.model_file import read_graph

Dice = random.Random

HOSTILE_NUMBERS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    127,
    128,
    255,
    256,
    32767,
    65535,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 4,
    2**32 - 1,
)
"""Sizes, offsets and counts at the edges of their types."""
HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1e308, -1e308, float("nan"), float("inf"), 10**400, 2**63, 0.5, "", " ", "a", "\ud800",
    "\0", "../../../etc/passwd", "/dev/zero", "x" * 5000, [], {}, [[]], {"": None}, [0] * 1000,
)  # fmt: skip
"""Values that a field of the document may get, NaN and half a surrogate pair among them."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bundle's two files, and what was done to them."""

    kind: str
    document: bytes
    model: bytes


def mutate(document: dict[str, Any], model: bytes, seed: int, number: int) -> Mutant:
    """Mutant `number` of the sequence `seed`. The hash is right, so that a changed model reaches its readers."""
    dice = random.Random(f"{seed}/{number}")  # noqa: S311 - reproducible, nothing secret
    kind = dice.choice(list(_MODEL) + list(_DOCUMENT))
    if kind in _DOCUMENT:
        return Mutant(kind, _DOCUMENT[kind](dice, document), model)
    changed = _MODEL[kind](dice, model)
    sealed = document | {"sha256": hashlib.sha256(changed).hexdigest()}
    return Mutant(kind, json.dumps(sealed).encode(), changed)


def _bit_flips(dice: Dice, model: bytes) -> bytes:
    content = bytearray(model)
    for _ in range(dice.choice((1, 1, 2, 8, 64))):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    return bytes(content)


def _byte_run(dice: Dice, model: bytes) -> bytes:
    start, length = dice.randrange(len(model)), dice.choice((1, 4, 16, 256, 4096))
    fill = dice.choice((bytes(length), b"\xff" * length, dice.randbytes(length)))
    return (model[:start] + fill + model[start + length :])[: len(model)]


def _truncation(dice: Dice, model: bytes) -> bytes:
    return model[: dice.choice((dice.randrange(64), dice.randrange(len(model))))]


def _splice(dice: Dice, model: bytes) -> bytes:
    """A piece of the file copied over another place, inserted there, or cut out."""
    source, target = dice.randrange(len(model)), dice.randrange(len(model))
    length = dice.choice((4, 32, 512, 8192))
    piece = model[source : source + length]
    after = target + dice.choice((len(piece), 0))
    return model[:target] + dice.choice((piece, b"")) + model[after:]


def _in_structure(dice: Dice, model: bytes) -> bytes:
    """Numbers of the graph's description, which is all but the weights: there every byte is read."""
    content = bytearray(model)
    places = structure_places(model)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        place = dice.choice(places)
        old = struct.unpack_from("<I", content, place)[0]
        near = (old + dice.choice((-8, -4, -1, 1, 4, 8, 1 << dice.randrange(32)))) % 2**32
        struct.pack_into("<I", content, place, dice.choice((near, near, dice.choice(HOSTILE_NUMBERS))))
    return bytes(content)


def _fields(dice: Dice, model: bytes) -> bytes:
    """Exactly what a reader of the graph looks at: shapes, types, versions, tensor numbers, offsets, vtables."""
    content = bytearray(model)
    places = read_places(model)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        place, code = dice.choice(places)
        bits = 8 * struct.calcsize(code)
        old = int.from_bytes(content[place : place + bits // 8], "little")
        near = old + dice.choice((-8, -4, -2, -1, 1, 2, 4, 8, 1 << dice.randrange(bits)))
        new = dice.choice((near, near, dice.choice(HOSTILE_NUMBERS), dice.randrange(64)))
        content[place : place + bits // 8] = (new % 2**bits).to_bytes(bits // 8, "little")
    return bytes(content)


def _swapped(dice: Dice, model: bytes) -> bytes:
    """Two numbers of the description change places: offsets then lead to things of another kind."""
    content = bytearray(model)
    first, second = dice.choice(structure_places(model)), dice.choice(structure_places(model))
    content[first : first + 4], content[second : second + 4] = (
        model[second : second + 4],
        model[first : first + 4],
    )
    return bytes(content)


@lru_cache(maxsize=4)
def structure_places(model: bytes) -> tuple[int, ...]:
    """Offsets of the 32-bit numbers whose upper half is all zeros or ones.

    Such are counts, versions, shapes, and the distances between the parts of the graph's description, which is a
    few kilobytes; quantized weights hardly ever have two zero bytes there. Found without the reader under test.
    """
    upper = np.frombuffer(model[: len(model) // 4 * 4], "<u2")[1::2]
    return tuple(int(place) * 4 for place in np.flatnonzero((upper == 0) | (upper == 0xFFFF))) or (0,)


@lru_cache(maxsize=4)
def read_places(model: bytes) -> tuple[tuple[int, str], ...]:
    """Offset and `struct` format of every number that `read_model_file` looks at."""
    found: dict[int, str] = {}

    class Recorder(Content):
        def number(self, code: str, position: int, what: str) -> int:
            found[position] = code
            return super().number(code, position, what)

    read_graph(Recorder(model))
    return tuple(sorted(found.items()))


def _document_value(dice: Dice, document: dict[str, Any]) -> bytes:
    """One value, at any depth, becomes another; or its key goes; or a neighbour's value comes."""
    changed = copy.deepcopy(document)
    for _ in range(dice.choice((1, 1, 1, 3))):
        holders = _holders(changed)
        holder = dice.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key = dice.choice(keys)
        choice = dice.randrange(4)
        if choice == 0:
            del holder[key]
        elif choice == 1:
            others = [list(other.values()) for other in holders if isinstance(other, dict) and other]
            holder[key] = copy.deepcopy(dice.choice(dice.choice(others)))
        else:
            holder[key] = copy.deepcopy(dice.choice(HOSTILE_VALUES))
    return json.dumps(changed).encode()


def _holders(value: Any) -> list[Any]:
    """Every object and array inside `value`, itself among them."""
    found, level = [], [value]
    while level:
        level = [child for child in level if isinstance(child, (dict, list))]
        found += level
        level = [c for child in level for c in (child.values() if isinstance(child, dict) else child)]
    return found


def _document_bytes(dice: Dice, document: dict[str, Any]) -> bytes:
    return dice.choice((_bit_flips, _byte_run, _truncation, _splice))(dice, json.dumps(document).encode())


def _document_nesting(dice: Dice, document: dict[str, Any]) -> bytes:
    """Arrays in arrays, as deep as parsers break."""
    depth = dice.choice((40, 500, 900, 950, 980, 1000, 100_000))
    deep = "[" * depth + "]" * depth
    key = dice.choice(sorted(document))
    text = json.dumps({k: v for k, v in document.items() if k != key})
    return f'{{"{key}": {deep}, {text[1:]}'.encode()


def _document_number(dice: Dice, document: dict[str, Any]) -> bytes:
    """One number of the document a little or entirely different, in its digits."""
    text = json.dumps(document)
    digits = [i for i, character in enumerate(text) if character.isdigit()]
    place = dice.choice(digits)
    other = dice.choice(("0", "9", "-", "e", "9" * 400, "9" * 5000, "."))
    return f"{text[:place]}{other}{text[place + 1 :]}".encode()


def _wrong_hash(dice: Dice, document: dict[str, Any]) -> bytes:
    return json.dumps(document | {"sha256": dice.randbytes(32).hex()}).encode()


_MODEL: dict[str, Callable[[Dice, bytes], bytes]] = {
    "bit flips": _bit_flips,
    "byte run": _byte_run,
    "truncation": _truncation,
    "splice": _splice,
    "small numbers": _in_structure,
    "fields of the graph": _fields,
    "swapped numbers": _swapped,
}
_DOCUMENT: dict[str, Callable[[Dice, dict[str, Any]], bytes]] = {
    "document: values": _document_value,
    "document: bytes": _document_bytes,
    "document: nesting": _document_nesting,
    "document: digits": _document_number,
    "document: hash": _wrong_hash,
}
KINDS = (*_MODEL, *_DOCUMENT)
