"""What requests may bring, and what the process holds of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from image_classifier.preprocess import ModelInput, ReadyTensor
from serving.web.body import BodyReader
from serving.web.problem import ProblemError

_BEFORE_A_VALUE = (b",", b"[", b"{")


class HeldPictures:
    """Pictures that were read from their requests' bodies, and are being scored: of all requests, `budget` bytes."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._bytes = 0

    @contextmanager
    def hold(self, pictures: Sequence[ModelInput]) -> Iterator[None]:
        """Count the pictures of a request as held. One request alone is never too much.

        Raises:
            ProblemError: 429, those of other requests are too many.
        """
        size = sum(map(_size, pictures))
        if self._bytes and self._bytes + size > self._budget:
            text = f"pictures of {self._bytes} bytes are held already"
            raise ProblemError(429, text, {"retry-after": "1"})
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size


@dataclass(frozen=True, slots=True)
class Intake:
    """The bounds that all interfaces share.

    bodies: reads them; each counts until it was read into pictures.
    pictures: counts these, while they are scored.
    most_pictures: of one request.
    most_values: of one JSON document: texts, numbers, lists and objects.
    """

    bodies: BodyReader
    pictures: HeldPictures
    most_pictures: int
    most_values: int

    def check_json(self, body: bytes, end: int | None = None) -> None:
        """Refuse a JSON document, `body` up to `end`, that holds too many values; before it is parsed.

        An empty list takes 3 bytes of text and 25 times as many in memory, a number half a microsecond of the event
        loop. Before each value but the first stands one of three characters, and base64 has none of them.

        Raises:
            ProblemError: 413.
        """
        found = sum(body.count(mark, 0, len(body) if end is None else end) for mark in _BEFORE_A_VALUE)
        if found > self.most_values:
            raise ProblemError(
                413,
                f"the JSON holds about {found} values; at most {self.most_values} are read. "
                "Send tensors as binary data, or in several requests",
            )


def _size(picture: ModelInput) -> int:
    if isinstance(picture, bytes):
        return len(picture)
    return picture.values.nbytes if isinstance(picture, ReadyTensor) else picture.nbytes
