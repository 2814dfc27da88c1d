from __future__ import annotations

from typing import Any

from demo.view import RouteRates


def routes(matched: int) -> list[dict[str, Any]]:
    return [{"name": "a", "matched": matched}]


def test_rates_are_over_a_window_and_start_at_nothing() -> None:
    rates = RouteRates()
    assert rates.update(routes(5), 10.0) == {}
    assert rates.update(routes(15), 10.5) == {"a": 20.0}
    for tick in range(20):
        latest = rates.update(routes(15 + 5 * tick), 11.0 + 0.5 * tick)
    assert latest == {"a": 10.0}


def test_a_new_route_counts_from_zero() -> None:
    rates = RouteRates()
    rates.update([], 0.0)
    assert rates.update(routes(4), 2.0) == {"a": 2.0}
