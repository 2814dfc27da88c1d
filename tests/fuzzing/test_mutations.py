"""The mutants are what they claim to be: reproducible, of every kind, with a hash that lets them in."""

from __future__ import annotations

import hashlib
import json
import struct
from collections import Counter

import pytest

from fuzzing.mutations import KINDS, mutate, read_places, structure_places
from image_classifier.bundle import DOCUMENT, SHIPPED, load_bundle

FAST_BUNDLE = load_bundle("fast")
DOCUMENT_OF_FAST = json.loads((SHIPPED / "fast" / DOCUMENT).read_text("utf-8"))
MUTANTS = [mutate(DOCUMENT_OF_FAST, FAST_BUNDLE.model_bytes, seed=1, number=n) for n in range(200)]


def test_seed_and_number_alone_make_a_mutant() -> None:
    for number in (0, 7, 199):
        assert mutate(DOCUMENT_OF_FAST, FAST_BUNDLE.model_bytes, 1, number) == MUTANTS[number]
    assert mutate(DOCUMENT_OF_FAST, FAST_BUNDLE.model_bytes, 2, 7) != MUTANTS[7]


def test_every_kind_comes_and_changes_what_it_names() -> None:
    kinds = Counter(mutant.kind for mutant in MUTANTS)
    assert set(kinds) == set(KINDS)
    for mutant in MUTANTS:
        if mutant.kind.startswith("document"):
            assert mutant.model == FAST_BUNDLE.model_bytes
    original = json.dumps(DOCUMENT_OF_FAST).encode()
    changed = [m for m in MUTANTS if (m.model, m.document) != (FAST_BUNDLE.model_bytes, original)]
    assert len(changed) > 0.9 * len(MUTANTS)


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if not m.kind.startswith("document")][:20])
def test_a_changed_model_has_the_right_hash(mutant: object) -> None:
    """Else all that is tested is the hash."""
    model, document = getattr(mutant, "model"), json.loads(getattr(mutant, "document"))  # noqa: B009
    assert document["sha256"] == hashlib.sha256(model).hexdigest()


def test_the_places_are_those_of_the_graph_and_not_of_the_weights() -> None:
    content = FAST_BUNDLE.model_bytes
    fields, small = dict(read_places(content)), set(structure_places(content))
    shapes = {
        (tuple(struct.unpack_from("<4i", content, place)))
        for place, code in fields.items()
        if code == "i" and place + 16 <= len(content)
    }
    assert (1, 32, 32, 3) in shapes
    assert set(fields.values()) >= set("bHIi")
    wide = {place for place, code in fields.items() if struct.calcsize(code) == 4}
    assert len(wide & small) > 0.9 * len(wide)
    assert len(fields) < len(small) < 0.05 * len(content) / 4
