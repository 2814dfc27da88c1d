"""Why a method of `$edgeAgent` was refused.

MethodError
├── BadArgumentError     the request itself is wrong (status 400)
└── MethodFailedError    what was asked for cannot be done (status 500)
"""

from __future__ import annotations


class MethodError(Exception):
    """`str()` is the answer's `message`."""

    status = 500


class BadArgumentError(MethodError):
    """The request is wrong; another one may succeed."""

    status = 400


class MethodFailedError(MethodError):
    """The request is understood, but cannot be met."""
