"""What can go wrong, as types.

ImageClassifierError
+-- BadImageError        the picture: reason says which guard refused it
+-- BundleError          the bundle: names file, field, expected and actual
|   +-- BundleNotFoundError
|   +-- UnsafeModelError the child process that tried the model first died or ran out of time
+-- InferenceError       the model gave no usable answer for this picture
+-- NoRuntimeError       neither LiteRT nor tflite-runtime is installed
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class ImageClassifierError(Exception):
    """Base of everything that this package raises on purpose."""


class BadImageReason(StrEnum):
    """Why a picture was refused; stable names, used as metric labels and error codes."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    UNSUPPORTED_FORMAT = "unsupported_format"
    UNSUPPORTED_COLOUR = "unsupported_colour"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"


class BadImageError(ImageClassifierError):
    """A picture that cannot be classified."""

    def __init__(self, reason: BadImageReason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")

    def __reduce__(self) -> tuple[type[BadImageError], tuple[BadImageReason, str]]:
        return BadImageError, (self.reason, self.detail)


class BundleError(ImageClassifierError):
    """A bundle that cannot be used; the message names the file and, where there is one, the field."""

    def __init__(
        self,
        path: Path,
        problem: str,
        *,
        field: str | None = None,
        expected: object = None,
        actual: object = None,
    ) -> None:
        self.path = path
        self.problem = problem
        self.field = field
        self.expected = expected
        self.actual = actual
        where = f"{path}: {field}" if field else str(path)
        text = f"{where}: {problem}"
        if expected is not None:
            text += f" (expected {_short(expected)}, found {_short(actual)})"
        super().__init__(text)


class BundleNotFoundError(BundleError):
    """No folder with a bundle.json under that name or path."""


class UnsafeModelError(BundleError):
    """The child process that loaded the model first was killed, crashed or ran out of time."""


class InferenceError(ImageClassifierError):
    """The runtime failed on a picture, or the answer holds NaN or infinity."""


class NoRuntimeError(ImageClassifierError):
    """No TFLite runtime can be imported."""


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
