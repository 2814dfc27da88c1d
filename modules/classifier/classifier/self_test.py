"""`python3 -m classifier --self-test`: proves an image on its architecture without a hub."""

from __future__ import annotations

import time

from classifier.answer import answer, identity
from classifier.settings import ClassifierSettings
from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.golden import check_golden_vectors
from image_classifier.runtime import load_runtime
from module_kit.frame import Frame
from module_kit.identifiers import new_boot, new_traceparent, timestamp
from module_kit.message import Outgoing
from module_kit.prediction import Prediction


class SelfTestError(Exception):
    """A part does not do what it must on this machine."""


class _Received:
    """An encoded message as it would arrive on an input."""

    def __init__(self, message: Outgoing) -> None:
        self.data = message.body
        self.custom_properties: dict[str, str | None] = {**message.properties}
        self.message_id: str | None = message.message_id
        self.content_type: str | None = message.content_type
        self.content_encoding = message.content_encoding
        self.input_name: str | None = "frames"
        self.arrived_s = time.perf_counter()


def self_test(settings: ClassifierSettings) -> str:
    """Golden vectors of the bundle, then one of its pictures through the frame and prediction messages.

    Returns the line to print.

    Raises:
        BundleError, SelfTestError: what failed.
    """
    bundle = load_bundle(settings.model)
    classifier = Classifier(bundle, threads=settings.threads, margin=settings.margin)
    vectors = check_golden_vectors(classifier)
    picture = bundle.golden_vectors[0]
    frame = Frame(
        image=picture.image,
        content_type=picture.content_type,
        source="self-test",
        boot=new_boot(),
        sequence=0,
        captured_at=timestamp(),
        width=bundle.input.width,
        height=bundle.input.height,
        traceparent=new_traceparent(),
    )
    result = answer(_Received(frame.encode()), classifier, identity(bundle), settings.top_k)
    prediction = Prediction.decode(_Received(result.message))
    if prediction.frame_id != frame.message_id or prediction.error is not None or not prediction.top:
        raise SelfTestError(f"a frame became {result.message.body!r}")
    runtime = load_runtime()
    return (
        f"{bundle.name} {bundle.version} ({bundle.sha256[:8]}), {vectors} golden vectors, "
        f"{runtime.distribution} {runtime.version}, {prediction.timings_ms.infer:.2f} ms per inference"
    )
