"""Which label, if any, one prediction speaks for."""

from __future__ import annotations

from enum import Enum

from module_kit.prediction import Prediction, Score
from results_filter.settings import FilterSettings


class Unused(Enum):
    """Why a prediction speaks for no label."""

    ERROR = "prediction_error"
    ABSTAINED = "prediction_abstained"
    BELOW_THRESHOLD = "below_threshold"
    EXCLUDED = "label_excluded"


def candidate(prediction: Prediction, settings: FilterSettings) -> Score | Unused:
    """The most probable label if it counts, else why not. Failures and abstentions are never results."""
    if prediction.error is not None or not prediction.top:
        return Unused.ERROR
    if prediction.abstained:
        return Unused.ABSTAINED
    best = prediction.top[0]
    if not admitted(best.label, settings):
        return Unused.EXCLUDED
    if best.probability < settings.thresholds.get(best.label, settings.threshold):
        return Unused.BELOW_THRESHOLD
    return best


def admitted(label: str, settings: FilterSettings) -> bool:
    """Whether the include and exclude lists let `label` give events; exclude wins."""
    return label not in settings.exclude and (not settings.include or label in settings.include)
