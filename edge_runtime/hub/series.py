"""Counts and samples that are cheap to take: text is made of them only when somebody asks."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

MOST_SERIES = 1000
MOST_CHARACTERS = 128
WINDOW = 256
WINDOW_S = 600.0
K = TypeVar("K", bound=Hashable)


class Series:
    """How often, how much in all, and the last values of ten minutes, at most 256 of them."""

    __slots__ = ("_samples", "count", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self._samples: deque[tuple[float, float]] | None = None

    def observe(self, value: float) -> None:
        """Count `value` and keep it for the quantiles."""
        self.count += 1
        self.total += value
        self.sample(value)

    def sample(self, value: float) -> None:
        """Keep `value` for the quantiles; the caller counts."""
        if self._samples is None:
            self._samples = deque(maxlen=WINDOW)
        self._samples.append((time.monotonic(), value))

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Observe the seconds that the block takes, if it ends well."""
        began = time.monotonic()
        yield
        self.observe(time.monotonic() - began)

    def recent(self) -> list[float]:
        """The values that quantiles are made of."""
        since = time.monotonic() - WINDOW_S
        return [value for at, value in self._samples or () if at >= since]


class SeriesTable(dict[K, Series]):
    """A series for each key, made when it is first asked for; those that are too many share one.

    Names of outputs and inputs come from clients: without a bound each new name would take memory for good. A name
    of more than 128 characters is cut, so those that begin alike share one too.

    Args:
        other: the key of the series that they share.
        other_of: the key that one of them shares with some; there are few such keys. None: `other` for all.
    """

    def __init__(
        self, other: K, most: int = MOST_SERIES, *, other_of: Callable[[K], K] | None = None
    ) -> None:
        super().__init__()
        self._other_of = other_of or (lambda _: other)
        self._most = most

    def __missing__(self, key: K) -> Series:
        key = _cut(key)
        if key not in self and len(self) >= self._most:
            key = self._other_of(key)
        return self.setdefault(key, Series())


def _cut(key: Any) -> Any:
    """The key with its names cut: a text, or a tuple of some."""
    if isinstance(key, str):
        return key if len(key) <= MOST_CHARACTERS else f"{key[: MOST_CHARACTERS - 1]}…"
    if isinstance(key, tuple):
        parts = map(_cut, key)
        return type(key)(*parts) if hasattr(key, "_fields") else tuple(parts)
    return key
