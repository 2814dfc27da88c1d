"""What a source is, and what can go wrong with one.

SourceError                the text is fit for reports: it names the source, what is wrong and the mend
+-- SourceSpecError        the SPEC itself cannot be understood (also a ValueError)
+-- SourceUnavailableError not there, not readable, refused: tried again after a pause
+-- SourceSilentError      was there and gives nothing any more: reopened after a pause
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from camera.picture import Picture


class SourceError(Exception):
    """Base of everything that a source raises on purpose."""


class SourceSpecError(SourceError, ValueError):
    """The SPEC cannot be understood."""


class SourceUnavailableError(SourceError):
    """The source cannot be opened or read."""


class SourceSilentError(SourceError):
    """A live source gives no picture any more."""


class SourceEvents(Protocol):
    """What a source tells while it works; both may be called from any thread."""

    def dropped(self, reason: str) -> None:
        """One picture or file was left out; `reason` is a word for counters."""

    def progress(self, text: str) -> None:
        """What takes long just now, for people: `downloading ...: 40 %`."""


class Source(Protocol):
    """One place that pictures come from.

    Attributes:
        live: pictures come when they come (a camera), and an old one is worth less than a new one.
        natural_fps: frames per second of the source itself, None when it has no pace of its own. May be
            known only after the first picture.
        repeats: each call of `pictures` begins with the same pictures again (a video, a data set), so that
            after a failure those that were sent already must be passed over.
    """

    @property
    def live(self) -> bool: ...

    @property
    def natural_fps(self) -> float | None: ...

    @property
    def repeats(self) -> bool: ...

    def pictures(self) -> AsyncGenerator[Picture, None]:
        """Open the source and give its pictures; close the generator to close the source.

        It ends when the source has no more. A second call begins anew. Raises `SourceError`.
        """
        ...
