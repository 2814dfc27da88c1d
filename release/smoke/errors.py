"""Why a smoke test gives no verdict.

SmokeError
├── NotPossibleError      the solution cannot be reached, or refuses the settings; nothing is left changed
└── NotRestoredError      settings of the test are still in force
"""

from __future__ import annotations


class SmokeError(Exception):
    """`str()` names the thing and the mend."""


class NotPossibleError(SmokeError):
    """There is no verdict."""


class NotRestoredError(SmokeError):
    """What the test has changed could not be put back."""
