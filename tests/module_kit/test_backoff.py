from __future__ import annotations

from module_kit.backoff import Backoff


def test_backoff_doubles_to_its_cap_with_jitter_and_starts_again() -> None:
    backoff = Backoff(first_s=1, longest_s=5)
    delays = [backoff.next_s() for _ in range(6)]
    for delay, top in zip(delays, [1, 2, 4, 5, 5, 5], strict=True):
        assert top / 2 <= delay <= top
    backoff.reset()
    assert backoff.next_s() <= 1
