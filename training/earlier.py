"""What a training takes over from one before it: the best weights, from its checkpoints on this machine.

It imports nothing of TensorFlow; the models that are handed in know how to load a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from training.checkpoint import CheckpointError, default_folder
from training.settings import Settings, SettingsError, load_settings


class Loads(Protocol):
    """A Keras model, as far as it counts here."""

    def load_weights(self, path: Path) -> object: ...


def load_best_weights(name: str, model: Loads) -> None:
    """Give `model` the weights of the best epoch of `scripts/train --bundle NAME`.

    Raises:
        CheckpointError: it has not been trained here, or with another architecture.
    """
    weights = default_folder(name).best_weights
    try:
        model.load_weights(weights)
    except FileNotFoundError:
        raise CheckpointError(
            f"{weights}: no such file; train {name} first: scripts/train --bundle {name}"
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{weights}: not the weights of {name}'s architecture ({error})") from None


def lineage(name: str) -> tuple[str, ...]:
    """What is to be trained for a bundle, in order: what it and its teachers begin with and learn from, then itself.

    Raises:
        SettingsError: one has no configuration, or needs itself.
    """
    return tuple(_trained_before(name, ()))


def _trained_before(name: str, pupils: tuple[str, ...]) -> dict[str, None]:
    if name in pupils:
        raise SettingsError(f"{' <- '.join((*pupils, name))}: a training cannot need its own result")
    settings = load_settings(name)
    needed = [settings.begin_with] if settings.begin_with else []
    needed += settings.distillation.teachers if settings.distillation else ()
    order: dict[str, None] = {}
    for other in needed:
        order |= _trained_before(other, (*pupils, name))
    return order | {name: None}


def check_begin(settings: Settings) -> None:
    """Whether a training may go on from the weights of the one that `begin_with` names.

    Raises:
        SettingsError: that has no configuration, another network, or has seen images that this one holds out.
    """
    if settings.begin_with is None:
        return
    begin = load_settings(settings.begin_with)
    for key in ("network", "seed", "validation_fraction", "lossless_validation_fraction"):
        if getattr(begin, key) != getattr(settings, key):
            why = "another network" if key == "network" else "it has seen images that are to be held out here"
            raise SettingsError(f"begin_with: {settings.begin_with} has another {key}: {why}")
