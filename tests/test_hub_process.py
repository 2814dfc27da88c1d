"""What the hub process says when it cannot begin."""

from __future__ import annotations

import pytest

from edge_runtime.hub_process import _PortTakenError


@pytest.mark.parametrize(
    ("address", "mend"),
    [
        ("127.0.0.1", "or run with --address 127.0.0.2."),
        ("172.18.0.1", "or bind it to one address instead of all."),
    ],
)
def test_a_taken_port_has_a_mend_that_fits_the_address(address: str, mend: str) -> None:
    said = str(_PortTakenError(address))
    assert said.startswith(f"{address}:8883 is taken by another process")
    assert said.endswith(mend)
