"""The model in use: opened at start, changed live between two frames, never by one that was not proven."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from classifier.answer import Answer, answer_all, identity
from classifier.metrics import MODEL, SWITCHES
from classifier.settings import ClassifierSettings
from image_classifier.bundle import SHIPPED, Bundle, find_bundle, load_bundle
from image_classifier.classifier import Classifier
from image_classifier.decoding import DecodeLimits
from image_classifier.errors import ImageClassifierError
from image_classifier.sandbox import check_bundle
from module_kit.message import Incoming, MessageError
from module_kit.prediction import ModelIdentity
from module_kit.settings import SettingsRefused

_log = logging.getLogger(__name__)
_PREPARED_AT_MOST = 2
"""A patch has at most two candidates: with what was refused before, and without."""


@dataclass(frozen=True, slots=True)
class _InUse:
    """All that a batch of frames needs, replaced as a whole: no frame sees half of a change."""

    classifier: Classifier
    identity: ModelIdentity
    top_k: int


class Engine:
    """Answers frames with the model in use.

    `answer_all` runs in one worker thread, `prepare` in another, `change` on the loop's.
    """

    def __init__(self, settings: ClassifierSettings) -> None:
        """Open the model that the settings name; one that does not ship with the image is tried in a child.

        Raises:
            ImageClassifierError: the bundle is refused; the message says where and why.
        """
        self._prepared: dict[ClassifierSettings, _InUse | ImageClassifierError] = {}
        self._take(_open(_proven(settings.model, trust_shipped=True), settings))

    @property
    def model(self) -> ModelIdentity:
        """The model that the next frame gets."""
        return self._in_use.identity

    def prepare(self, old: ClassifierSettings, new: ClassifierSettings) -> None:
        """Do the slow part of `change(old, new)` before it, and remember how it went.

        A new bundle is checked in a child process, loaded and warmed.
        """
        while len(self._prepared) >= _PREPARED_AT_MOST:
            del self._prepared[next(iter(self._prepared))]
        try:
            changed = new.model != old.model
            bundle = _proven(new.model) if changed else self._in_use.classifier.bundle
            self._prepared[new] = _open(bundle, new)
        except ImageClassifierError as error:
            self._prepared[new] = error

    def change(self, old: ClassifierSettings, new: ClassifierSettings) -> None:
        """Take new settings; the next batch of frames (8 at most) sees them all.

        Raises:
            SettingsRefused: the bundle is refused; the model in use stays.
        """
        if new.inbox != old.inbox:
            raise SettingsRefused("inbox: set by the environment variable INBOX alone, at start")
        if new not in self._prepared:
            self.prepare(old, new)
        prepared = self._prepared[new]
        self._prepared.clear()
        if isinstance(prepared, ImageClassifierError):
            SWITCHES.labels("refused").inc()
            raise SettingsRefused(f"model: {prepared}")
        self._take(prepared)
        if new.model != old.model:
            SWITCHES.labels("done").inc()
            _log.info("model %s %s in use (%s)", *_words(prepared.identity))

    def answer_all(self, messages: Sequence[Incoming]) -> list[Answer | MessageError]:
        """Answers in the order of `messages`; the error for one that does not say which frame it is."""
        now = self._in_use
        return answer_all(messages, now.classifier, now.identity, now.top_k)

    def _take(self, prepared: _InUse) -> None:
        self._in_use = prepared
        MODEL.clear()
        MODEL.labels(prepared.identity.name, prepared.identity.version, prepared.identity.sha256).set(1)


def _words(model: ModelIdentity) -> tuple[str, str, str]:
    return model.name, model.version, model.sha256[:8]


def _open(bundle: Bundle, settings: ClassifierSettings) -> _InUse:
    classifier = Classifier(
        bundle,
        threads=settings.threads,
        margin=settings.margin,
        limits=DecodeLimits(max_pixels=settings.maximum_pixels),
    )
    return _InUse(classifier, identity(bundle), settings.top_k)


def _proven(name_or_path: str, *, trust_shipped: bool = False) -> Bundle:
    if trust_shipped and find_bundle(name_or_path).parent == SHIPPED.resolve():
        return load_bundle(name_or_path)
    return check_bundle(name_or_path).bundle
