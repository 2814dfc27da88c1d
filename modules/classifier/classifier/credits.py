"""Who may be told how far the classifier is. Pure: decides, sends nothing.

A file feed keeps at most 64 frames without credit (design, "Flow").
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from module_kit.credit import Credit

EVERY = 16
"""Frames between two credits of one source."""
IDLE_S = 0.2
"""After so long without a new frame the rest of a window is credited too."""
MAX_SOURCES = 64


@dataclass(slots=True)
class _Account:
    boot: str
    sequence: int
    owed: int = 0


class CreditBook:
    """How far each source has got, and how many frames since its last credit."""

    def __init__(self, every: int = EVERY) -> None:
        self._every = every
        self._accounts: OrderedDict[str, _Account] = OrderedDict()

    def finished(self, source: str, boot: str, sequence: int) -> Credit | None:
        """Note a finished frame; the credit that is now due, if any.

        A frame that comes again does not take the account back. A new boot starts anew. Of very many sources
        the one that was silent longest is forgotten: its camera goes on by its own time limit.
        """
        account = self._accounts.get(source)
        if account is None or account.boot != boot:
            account = self._accounts[source] = _Account(boot, sequence)
        self._accounts.move_to_end(source)
        if len(self._accounts) > MAX_SOURCES:
            self._accounts.popitem(last=False)
        account.sequence = max(account.sequence, sequence)
        account.owed += 1
        return self._settle(source, account) if account.owed >= self._every else None

    def owing(self) -> bool:
        """Whether some finished frame is not credited yet."""
        return any(account.owed for account in self._accounts.values())

    def idle(self) -> list[Credit]:
        """Credits for whatever is not credited yet."""
        owing = [(source, account) for source, account in self._accounts.items() if account.owed]
        return [self._settle(source, account) for source, account in owing]

    def _settle(self, source: str, account: _Account) -> Credit:
        account.owed = 0
        return Credit(source=source, boot=account.boot, sequence=account.sequence)
