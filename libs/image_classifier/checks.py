"""What `check` proves of a bundle: one step a property, each with what was found.

Steps on the file need no native code and run where the caller is; steps on the running model belong into a
child process (`sandbox`), since TFLite trusts the file that it is given.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from image_classifier.bundle import Bundle, InputSpec, load_bundle
from image_classifier.classifier import Classifier
from image_classifier.errors import BadImageError, BundleError, InferenceError
from image_classifier.golden import check_golden_vectors
from image_classifier.model import compare_facts
from image_classifier.model_file import ModelFile, TensorShape, read_model_file
from image_classifier.operators import ALLOWED_OPERATORS
from image_classifier.preprocess import Tensor
from image_classifier.runtime import load_runtime

DEFAULT_BUDGET_MS = 2000.0
"""Generous: it refuses a model that stalls a camera, also on a small Arm board; benchmarks compare speeds."""
RANDOM_TENSORS = 4
TIMED_RUNS = 11
TIMING_ENDS_AFTER_S = 5.0
SEED = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One property of a bundle. `figure` is what was found, or for a failed check what is wrong."""

    name: str
    passed: bool
    figure: str


Report = Callable[[Check], None]

MENDS = {
    "document": "correct bundle.json (docs/bundle.md explains each field), or write it anew with seal",
    "hash": "restore the model file, or seal the bundle anew if the file was changed on purpose",
    "structure": "copy the file again, or convert the model anew: it is damaged or not a TFLite model",
    "graph": "export the model without control flow, with one picture in and one vector of scores out",
    "operators": "convert with builtin operators only, for TensorFlow 2.14 (no custom, no Flex operators)",
    "shapes": "seal the bundle anew: input.shape and labels must be the model's",
    "dtypes": "seal the bundle anew: dtypes must be the model's",
    "runtime": "seal the bundle anew if the document differs; convert the model anew if the runtime refuses it",
    "golden vectors": "find what changed (model, preprocessing or pictures), then seal the bundle anew",
    "finite answers": "train or quantize the model anew: some pictures would have no answer",
    "time": "take a smaller model, or allow more with --budget-ms",
}
"""What to do when a check fails."""


@contextmanager
def step(name: str, report: Report) -> Iterator[list[str]]:
    """Report one check: passed with the figures that the body appends, or failed with its error."""
    figures: list[str] = []
    try:
        yield figures
    except BundleError as error:
        report(Check(name, passed=False, figure=str(error)))
        raise
    report(Check(name, passed=True, figure=", ".join(figures)))


def check_files(name_or_path: str | Path, report: Report) -> Bundle:
    """Prove document, hash and the model file's own statements, without native code.

    Raises:
        BundleNotFoundError: no such bundle.
        BundleError: the first check that fails.
    """
    bundle = _load(name_or_path, report)
    with step("structure", report) as figures:
        model = read_model_file(bundle.model_bytes, bundle.model_path)
        figures += [f"{len(model.operators)} operators", f"{len(model.tensors)} tensors"]
        figures.append(f"{model.multiply_accumulates / 1e6:.1f} million multiply-accumulates")
    with step("graph", report) as figures:
        figures.append(_check_graph(bundle, model))
    with step("operators", report) as figures:
        figures.append(_check_operators(bundle, model))
    source, sink = model.tensors[model.inputs[0]], model.tensors[model.outputs[0]]
    with step("shapes", report) as figures:
        for kind, tensor in (("input", source), ("output", sink)):
            compare_facts(bundle, kind, {"shape": list(tensor.shape)})
        figures += [f"input {_by(source)}", f"output {_by(sink)}", f"{len(bundle.labels)} labels"]
    with step("dtypes", report) as figures:
        for kind, tensor in (("input", source), ("output", sink)):
            compare_facts(bundle, kind, {"dtype": tensor.dtype})
        figures += [f"input {source.dtype}", f"output {sink.dtype}"]
    return bundle


def _load(name_or_path: str | Path, report: Report) -> Bundle:
    try:
        bundle = load_bundle(name_or_path)
    except BundleError as error:
        report(Check("hash" if error.field == "sha256" else "document", passed=False, figure=str(error)))
        raise
    report(Check("document", passed=True, figure=f"{bundle.name} {bundle.version}"))
    size = f"{len(bundle.model_bytes)} bytes"
    report(Check("hash", passed=True, figure=f"sha256 {bundle.sha256}, {size}"))
    return bundle


def _by(tensor: TensorShape) -> str:
    return "x".join(map(str, tensor.shape))


def _check_graph(bundle: Bundle, model: ModelFile) -> str:
    for what, count in (
        ("subgraphs", model.subgraphs),
        ("subgraphs[0].inputs", len(model.inputs)),
        ("subgraphs[0].outputs", len(model.outputs)),
    ):
        if count != 1:
            raise BundleError(bundle.model_path, "wrong number", field=what, expected=1, actual=count)
    return "one graph, one input, one output"


def _check_operators(bundle: Bundle, model: ModelFile) -> str:
    for i, (name, version) in enumerate(model.declared):
        newest = ALLOWED_OPERATORS.get(name)
        field = f"operator_codes[{i}]"
        if newest is None:
            raise BundleError(bundle.model_path, f"operator {name} is not allowed", field=field)
        if not 1 <= version <= newest:
            problem = f"tflite-runtime 2.14 does not run this version of {name}"
            raise BundleError(
                bundle.model_path, problem, field=field, expected=f"1..{newest}", actual=version
            )
    return " ".join(f"{name}:{version}" for name, version in sorted(set(model.declared)))


def check_model(bundle: Bundle, budget_ms: float, report: Report) -> int:
    """Prove the running model; returns the number of golden vectors. Native code: call it in a child process.

    Raises:
        BundleError: the first check that fails.
    """
    with step("runtime", report) as figures:
        classifier = Classifier(bundle)
        runtime = load_runtime()
        figures.append(f"{runtime.distribution} {runtime.version} takes it, scales and zero points agree")
    with step("golden vectors", report) as figures:
        try:
            vectors = check_golden_vectors(classifier)
        except (BadImageError, InferenceError) as error:
            raise BundleError(bundle.document_path, f"a golden picture fails: {error}") from None
        figures.append(f"{vectors} pictures, tolerance {bundle.golden_tolerance:g}")
    with step("finite answers", report) as figures:
        figures.append(_check_answers(classifier))
    with step("time", report) as figures:
        figures.append(_check_time(classifier, budget_ms))
    return vectors


def extreme_tensors(spec: InputSpec) -> Iterator[tuple[str, Tensor]]:
    """Input tensors that no picture gives: the least value everywhere, the greatest, and seeded noise."""
    if spec.dtype == "float32":
        channels = np.array([spec.mean, spec.standard_deviation], np.float32)
        low = (0 - channels[0]) / channels[1]
        high = (255 - channels[0]) / channels[1]
        reals = np.random.default_rng(SEED)
        yield "all least", np.broadcast_to(low, spec.shape).astype(np.float32)
        yield "all greatest", np.broadcast_to(high, spec.shape).astype(np.float32)
        for i in range(RANDOM_TENSORS):
            yield f"random {i}", reals.uniform(low, high, spec.shape).astype(np.float32)
        return
    limits = np.iinfo(spec.dtype)
    yield "all least", np.full(spec.shape, limits.min, spec.dtype)
    yield "all greatest", np.full(spec.shape, limits.max, spec.dtype)
    steps = np.random.default_rng(SEED)
    for i in range(RANDOM_TENSORS):
        yield f"random {i}", steps.integers(limits.min, limits.max, spec.shape, spec.dtype, endpoint=True)


def _check_answers(classifier: Classifier) -> str:
    path, count = classifier.bundle.model_path, 0
    for name, tensor in extreme_tensors(classifier.bundle.input):
        try:
            first, second = classifier.probabilities(tensor), classifier.probabilities(tensor)
        except InferenceError as error:
            raise BundleError(path, f"no answer to the tensor {name!r}: {error}") from None
        if not np.isfinite(first).all():
            raise BundleError(path, f"the answer to the tensor {name!r} is not finite")
        if not np.array_equal(first, second):
            raise BundleError(path, f"two different answers to the same tensor {name!r}")
        count += 1
    return f"{count} tensors, least and greatest values among them, each twice with the same answer"


def _check_time(classifier: Classifier, budget_ms: float) -> str:
    tensor = next(extreme_tensors(classifier.bundle.input))[1]
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < TIMED_RUNS and (not times or time.perf_counter() - started < TIMING_ENDS_AFTER_S):
        before = time.perf_counter()
        classifier.probabilities(tensor)
        times.append((time.perf_counter() - before) * 1000)
    median = statistics.median(times)
    if median > budget_ms:
        path = classifier.bundle.model_path
        raise BundleError(
            path,
            "one inference takes too long",
            expected=f"at most {budget_ms:g} ms",
            actual=f"{median:.3f} ms",
        )
    return f"median {median:.3f} ms of {len(times)} inferences, budget {budget_ms:g} ms"
