"""The unmodified SDK as a client in the test's own process."""

from __future__ import annotations

import pytest

MARKS = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.usefixtures("paho_leaves_its_socket_pair_open"),
]
"""Of tests that use it: paho never closes the socket pair with which it wakes its thread."""


def module_environment(
    monkeypatch: pytest.MonkeyPatch,
    *,
    iothub: str,
    gateway: str,
    workload_uri: str,
    generation_id: str = "1",
    module: str = "camera",
) -> None:
    """What edgeAgent gives a module of the device `edge`, from which the SDK makes its client (spec A.3)."""
    for name, value in {
        "IOTHUBHOSTNAME": iothub,
        "DEVICEID": "edge",
        "MODULEID": module,
        "GATEWAYHOSTNAME": gateway,
        "MODULEGENERATIONID": generation_id,
        "WORKLOADURI": workload_uri,
        "APIVERSION": "2020-07-07",
        "AUTHSCHEME": "sasToken",
    }.items():
        monkeypatch.setenv(f"IOTEDGE_{name}", value)
