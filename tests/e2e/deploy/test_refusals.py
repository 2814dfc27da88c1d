"""`scripts/deploy` refuses before anything is changed, says why, and shows no secret."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.e2e.conftest import StartDevice
from tests.e2e.deploying import NEEDS_SDK, SOLUTION, Deploying, modules_of, template

pytestmark = [NEEDS_SDK, pytest.mark.slow]
TO_EDGE = ("--device", "edge", "--yes")


@pytest.fixture
def deploying(device: StartDevice, short: Path) -> Deploying:
    return Deploying(short, device(None, **SOLUTION).up())


def test_refusals(deploying: Deploying) -> None:
    before = deploying.sections()
    iothub = (deploying.device.endpoints or {})["iothub"]
    text: str = iothub["connectionString"]
    ca = {"REQUESTS_CA_BUNDLE": iothub["caFile"]}
    document = template()

    def refuses(expected: int, told: str, *arguments: str, state: bool = True, **variables: str) -> None:
        code, said = deploying.deploy(document, *TO_EDGE, *arguments, state=state, **variables)
        assert code == expected, said
        assert told in said
        assert "nothing was changed" in said
        assert "Traceback" not in said
        assert deploying.sections() == before

    modules_of(document)["camera"]["env"]["WHERE"] = {"value": "${SITE_OF_CAMERA}"}
    refuses(2, "SITE_OF_CAMERA")
    document = template()
    modules_of(document)["camera"]["settings"]["image"] = "${MODULES.kamera}"
    refuses(2, "${MODULES.kamera}")
    document = template()
    modules_of(document)["camera"]["restartPolicy"] = "sometimes"
    refuses(2, "restartPolicy")
    document = template()
    refuses(2, "no IoT Hub", state=False)
    key = base64.b64encode(b"another key of the iot hub").decode()
    wrong = f"{text.partition('SharedAccessKey=')[0]}SharedAccessKey={key}"
    refuses(4, "401", state=False, IOTHUB_CONNECTION_STRING=wrong, **ca)
    away = f"HostName=127.0.0.1:1;SharedAccessKeyName=owner;SharedAccessKey={key}"
    refuses(4, "127.0.0.1:1 does not answer", state=False, IOTHUB_CONNECTION_STRING=away, **ca)
    refuses(2, "it is a device's", state=False, IOTHUB_CONNECTION_STRING=f"DeviceId=edge;{wrong}"[:40])
    refuses(4, "knows no edge device 'nobody'", "--device", "nobody")
    # The right one, by the environment in place of the state folder.
    code, said = deploying.deploy(
        document, *TO_EDGE, state=False, IOTHUB_CONNECTION_STRING=text, CAMERA_FPS="5", **ca
    )
    assert code == 0, said
    assert "nothing to do" in said
