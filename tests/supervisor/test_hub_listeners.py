"""What the hub's ready line says."""

from __future__ import annotations

from typing import Any

import pytest

from edge_runtime.supervisor.hub_listeners import HubListeners


def test_all_that_is_told() -> None:
    told = HubListeners.told(
        {
            "observer": "http://127.0.0.1:4000",
            "https": "https://127.0.0.1:443",
            "metrics": "127.0.0.1:9600",
            "warnings": ["one"],
        }
    )
    assert told == HubListeners("http://127.0.0.1:4000", "https://127.0.0.1:443", "127.0.0.1:9600", ("one",))
    assert (told.observer_port, told.metrics_port) == (4000, 9600)


@pytest.mark.parametrize("ready", [{}, {"observer": "nowhere", "https": None, "metrics": None}])
def test_what_is_not_told_is_not_there(ready: dict[str, Any]) -> None:
    told = HubListeners.told(ready)
    assert (told.https, told.metrics, told.warnings) == (None, None, ())
    assert (told.observer_port, told.metrics_port) == (None, None)
