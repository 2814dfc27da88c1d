"""The arena is what is alive at once, which a shortcut makes larger than two neighbours."""

from __future__ import annotations

from benchmarks.model.arena import arena_bytes
from image_classifier.model_file import ModelFile, Operator, TensorShape


def model(
    steps: list[tuple[tuple[int, ...], int]], sizes: list[int], *, dtype: str = "int8", outputs: int = 1
) -> ModelFile:
    """Tensor 0 is the input, the last `outputs` written the outputs; -1 is an input that is left out."""
    return ModelFile(
        declared=(),
        operators=tuple(Operator("ADD", 1, inputs, (output,)) for inputs, output in steps),
        tensors=tuple(TensorShape("", (1, size), dtype) for size in sizes),
        inputs=(0,),
        outputs=tuple(output for _, output in steps[-outputs:]),
        subgraphs=1,
        multiply_accumulates=0,
    )


def test_a_chain_needs_its_two_largest_neighbours() -> None:
    assert arena_bytes(model([((0,), 1), ((1,), 2), ((2,), 3)], [10, 40, 30, 5])) == 70


def test_a_shortcut_stays_until_it_is_added() -> None:
    assert arena_bytes(model([((0,), 1), ((1,), 2), ((0, 2), 3)], [10, 40, 30, 5])) == 80


def test_weights_are_not_counted_and_types_have_their_size() -> None:
    # tensor 2, the weights, is written by no step
    assert arena_bytes(model([((0, 2, -1), 1)], [10, 20, 1000], dtype="float32")) == 120


def test_outputs_stay_to_the_end() -> None:
    assert arena_bytes(model([((0,), 1), ((0,), 2)], [10, 20, 30], outputs=2)) == 60
    assert arena_bytes(model([], [10])) == 10
