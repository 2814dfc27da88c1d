"""What keeps a batch from being scored.

ImageClassifierError
+-- BatchError             a folder, an option or a machine with which the work cannot go on
|   +-- MissingExtraError  what writes the table is not installed
+-- UnscoredError          one picture has no scores; `reason` says why, and the others go on
"""

from __future__ import annotations

from image_classifier.errors import ImageClassifierError


class BatchError(ImageClassifierError):
    """The message names the thing, the place and the mend."""


class MissingExtraError(BatchError):
    """A package that only a desk needs is not installed."""


class UnscoredError(ImageClassifierError):
    """A picture that could not be read.

    reason: a stable word: `unreadable`, `damaged_archive`, `encrypted`, `unsupported`, `worker_died`, or one of
        `BadImageReason`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")
