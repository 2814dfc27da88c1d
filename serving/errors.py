"""What can go wrong with a request, as types; `web.problem` gives each its HTTP status, in one place.

ServingError
+-- OverloadedError        no room in the queue; `retry_after_s` says when to come back
+-- EndingError            this process ends before the request is answered
+-- StuckError             the model does not come back from a batch
+-- UnknownModelError      no model, or no version of it, has this name
+-- BadRequestError        the request breaks its contract (JSON, fields, tensors)
|   +-- BadContentError    what it carries is of the right form but cannot be used (base64, tensor's size)
+-- ConfigurationError     the service cannot start with these settings
"""

from __future__ import annotations


class ServingError(Exception):
    """Base of what this package raises on purpose; the text is for whoever sent the request."""


class OverloadedError(ServingError):
    """More work is waiting than can be done within the latency bound."""

    def __init__(self, detail: str, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail)


class EndingError(ServingError):
    """The process ends, or can score no more, before the request is answered; another one will answer it."""


class StuckError(ServingError):
    """The model was given pictures and does not come back: until it does, it can be given no others."""


class UnknownModelError(ServingError):
    """No such model or version is served here."""

    def __init__(self, asked: str, served: str) -> None:
        super().__init__(f"{asked} is not served here; served: {served}")


class BadRequestError(ServingError):
    """The request is not what its contract says."""


class BadContentError(BadRequestError):
    """The request has the right form, but a value in it cannot be used."""


class ConfigurationError(ServingError):
    """The service cannot start; the text says which setting and what to do."""
