"""Frame messages -> prediction messages, one for one. Whatever the picture is, there is an answer."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from image_classifier.bundle import Bundle
from image_classifier.classifier import Classification, Classifier, Refusal
from image_classifier.errors import BadImageError, InferenceError
from module_kit.frame import Frame
from module_kit.message import Incoming, MessageError, Outgoing
from module_kit.prediction import Failure, ModelIdentity, Prediction, Score, Timings

BAD_MESSAGE, BAD_OUTPUT = "bad_message", "bad_output"
_MAX_ERROR_TEXT = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What one frame came to.

    outcome: `classified`, `abstained` or `error`; message: the encoded prediction.
    """

    message: Outgoing
    prediction: Prediction
    outcome: str


def identity(bundle: Bundle) -> ModelIdentity:
    """Which model answers, as predictions and reported properties name it."""
    return ModelIdentity(name=bundle.name, version=bundle.version, sha256=bundle.sha256)


def answer(message: Incoming, classifier: Classifier, model: ModelIdentity, top_k: int) -> Answer:
    """Classify the frame in `message`.

    Raises:
        MessageError: the message does not say which frame it is, so that nothing can be said about it.
    """
    (result,) = answer_all([message], classifier, model, top_k)
    if isinstance(result, MessageError):
        raise result
    return result


def answer_all(
    messages: Sequence[Incoming], classifier: Classifier, model: ModelIdentity, top_k: int
) -> list[Answer | MessageError]:
    """Classify the frames in `messages` and answer in their order.

    The error stands for a message that does not say which frame it is.
    """
    read = [_read(message, model) for message in messages]
    frames = [item.frame for item in read if isinstance(item, _Waiting)]
    results = iter(classifier.classify_all([frame.image for frame in frames], top_k))
    return [_answered(item, next(results), model) if isinstance(item, _Waiting) else item for item in read]


@dataclass(frozen=True, slots=True)
class _Waiting:
    frame: Frame
    arrived_s: float


def _read(message: Incoming, model: ModelIdentity) -> _Waiting | Answer | MessageError:
    try:
        return _Waiting(Frame.decode(message), message.arrived_s)
    except MessageError as error:
        return _unreadable(message, error, model)


def _answered(waiting: _Waiting, result: Classification | Refusal, model: ModelIdentity) -> Answer:
    frame = waiting.frame
    timings = _timings(waiting.arrived_s, result.timings.decode_s, result.timings.infer_s)
    known = {
        "frame_id": frame.message_id,
        "source": frame.source,
        "boot": frame.boot,
        "sequence": frame.sequence,
        "captured_at": frame.captured_at,
        "model": model,
        "frame_sha256": hashlib.sha256(frame.image).hexdigest(),
        "truth": frame.label,
    }
    if isinstance(result, Refusal):
        prediction = _failed(known, *_told(result.error), timings)
    else:
        prediction = _result(known, result, timings)
    return _answer(prediction, frame.traceparent)


def _result(known: dict[str, Any], result: Classification, timings: Timings) -> Prediction:
    return Prediction(
        **known,
        top=[Score(label=best.label, probability=best.probability) for best in result.top],
        abstained=result.abstained,
        reason=result.reason,
        timings_ms=timings,
    )


def _told(error: BadImageError | InferenceError) -> tuple[str, str]:
    """A word for counters, and the text."""
    return (error.reason, error.detail) if isinstance(error, BadImageError) else (BAD_OUTPUT, str(error))


def _failed(known: dict[str, Any], code: str, text: str, timings: Timings) -> Prediction:
    failure = Failure(code=str(code), message=text[:_MAX_ERROR_TEXT])
    return Prediction(**known, timings_ms=timings, error=failure)


def _unreadable(message: Incoming, error: MessageError, model: ModelIdentity) -> Answer | MessageError:
    """An error prediction for a message that breaks the frame schema but still says which frame it is."""
    given = message.custom_properties
    body = message.data if isinstance(message.data, bytes) else str(message.data).encode()
    try:
        known = {
            "frame_id": message.message_id,
            "source": given.get("source"),
            "boot": given.get("boot"),
            "sequence": int(given.get("sequence") or ""),
            "captured_at": given.get("capturedAt"),
            "model": model,
            "frame_sha256": hashlib.sha256(body).hexdigest(),
        }
        text = f"{error.field_name}: {error.problem}"
        prediction = _failed(known, BAD_MESSAGE, text, _timings(message.arrived_s))
    except (ValidationError, ValueError):
        return error
    return _answer(prediction, None)


def _timings(arrived_s: float, decode_s: float = 0.0, infer_s: float = 0.0) -> Timings:
    """All the time that was neither decoding nor inference was waiting: in the inbox, or for others of a batch."""
    queue_s = time.perf_counter() - arrived_s - decode_s - infer_s
    queue, decode, infer = (round(max(0.0, s) * 1000, 3) for s in (queue_s, decode_s, infer_s))
    return Timings(queue=queue, decode=decode, infer=infer)


def _answer(prediction: Prediction, traceparent: str | None) -> Answer:
    outcome = "abstained" if prediction.abstained else "classified"
    return Answer(prediction.encode(traceparent), prediction, "error" if prediction.error else outcome)
