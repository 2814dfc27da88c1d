"""`python3 -m classifier --self-test`: proves an image on its architecture without a hub."""

from __future__ import annotations

from classifier.answer import answer, identity
from classifier.settings import ClassifierSettings
from image_classifier.bundle import load_bundle
from image_classifier.classifier import Classifier
from image_classifier.golden import check_golden_vectors
from image_classifier.runtime import load_runtime
from module_kit.prediction import Prediction
from module_kit.self_test import Arrived, SelfTestError, frame_of, import_packages

PACKAGES = ("azure.iot.device", "prometheus_client")


def self_test(settings: ClassifierSettings) -> str:
    """Golden vectors of the bundle, then one of its pictures through the frame and prediction messages.

    Returns the line to print.

    Raises:
        BundleError, SelfTestError: what failed.
    """
    import_packages(PACKAGES)
    bundle = load_bundle(settings.model)
    classifier = Classifier(bundle, threads=settings.threads, margin=settings.margin)
    vectors = check_golden_vectors(classifier)
    picture = bundle.golden_vectors[0]
    frame = frame_of(picture.image, picture.content_type, bundle.input.width, bundle.input.height)
    result = answer(Arrived(frame.encode(), "frames"), classifier, identity(bundle), settings.top_k)
    prediction = Prediction.decode(Arrived(result.message, "predictions"))
    if prediction.frame_id != frame.message_id or prediction.error is not None or not prediction.top:
        raise SelfTestError(f"a frame became {result.message.body!r}")
    runtime = load_runtime()
    return (
        f"{bundle.name} {bundle.version} ({bundle.sha256[:8]}), {vectors} golden vectors, "
        f"{runtime.distribution} {runtime.version}, {prediction.timings_ms.infer:.2f} ms per inference"
    )
