"""The lossless records that a bundle never trained on."""

from __future__ import annotations

from image_classifier.bundle import Bundle
from training.dataset import LabelledImages
from training.loading import TrainingSet
from training.split import Split


class HeldOutUnknownError(Exception):
    """Nothing is known of which records a bundle never saw; the message says why."""


def lossless_held_out(bundle: Bundle, source: TrainingSet) -> LabelledImages:
    """Records of `source` with their original pixels that were held out of the bundle's training.

    The split is drawn again from what the bundle says of its training, not from today's configuration, which
    may have changed since; two facts that it also says must come out the same.

    Raises:
        HeldOutUnknownError: the bundle does not say how it was trained, was trained on other data, or none of what
            was held out is lossless.
    """
    training = bundle.training
    settings = training.get("settings")
    if not isinstance(settings, dict) or "validation_fraction" not in settings or "heldOut" not in training:
        raise HeldOutUnknownError(f"{bundle.document_path} does not say what was held out of its training")
    if training["data"] != source.description:
        raise HeldOutUnknownError(
            f"{bundle.name} was trained on other data ({training['data']}) than what is here ({source.description})"
        )
    split = Split.drawn(
        source,
        seed=training["seed"],
        fraction=settings["validation_fraction"],
        lossless_fraction=settings.get("lossless_validation_fraction"),
    )
    if len(split.held_out) != training["heldOut"]:
        raise HeldOutUnknownError(
            f"{bundle.name} held out {training['heldOut']} images; drawn again from the same seed they are "
            f"{len(split.held_out)}"
        )
    chosen = split.held_out[source.lossless[split.held_out]]
    if not len(chosen):
        raise HeldOutUnknownError(f"none of the images held out of the training of {bundle.name} is lossless")
    return source.data.take(chosen)
