from __future__ import annotations

import pytest

from module_kit.settings import SettingsError, compose, from_environment
from results_filter.broker import BrokerAddress
from results_filter.settings import FilterSettings


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"THRESHOLD": "1.1"}, 'THRESHOLD = "1.1"'),
        ({"SMOOTHING_NEEDED": "6"}, "smoothingNeeded (6) is more than smoothingWindow (5)"),
        ({"METER_BLOCK_BYTES": "1024"}, "expected one of 512, 4096"),
        ({"THRESHOLDS": '{"cat": 2}'}, "THRESHOLDS/cat = 2: "),
        ({"LOCAL_SINK": "http://u:secret@h/t"}, "http://***@h/t is not mqtt://USER:PASSWORD@HOST:PORT/TOPIC"),
    ],
)
def test_invalid_environment(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        compose(FilterSettings, from_environment(FilterSettings, environment))
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_everything_from_the_environment() -> None:
    given = {"THRESHOLDS": '{"cat": 0.9}', "INCLUDE": "cat,dog", "METER_BLOCK_BYTES": "4096",
             "LOCAL_SINK": "mqtt://u:p@broker:1884/line/1"}  # fmt: skip
    settings = compose(FilterSettings, from_environment(FilterSettings, given))
    assert settings.thresholds == {"cat": 0.9}
    assert settings.include == ["cat", "dog"]
    assert settings.meter_block_bytes == 4096


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://h/t", BrokerAddress("h", 1883, "t", tls=False)),
        ("mqtts://h/a/b", BrokerAddress("h", 8883, "a/b", tls=True)),
        ("mqtt://u%40x:p%2Fq@h:1/t%23", None),
        ("mqtt://u%40x:p%2Fq@h:1/t", BrokerAddress("h", 1, "t", tls=False, user="u@x", password="p/q")),
        ("mqtt://h", None),
        ("mqtt:///t", None),
        ("mqtt://h:99999/t", None),
        ("mqtt://h:x/t", None),
        ("mqtt://h/+/t", None),
        ("mqtt://h/t?retain=1", None),
        ("nothing", None),
    ],
)
def test_broker_address(url: str, address: BrokerAddress | None) -> None:
    if address is not None:
        assert BrokerAddress.parse(url) == address
        return
    with pytest.raises(ValueError, match=r"is not|has a"):
        BrokerAddress.parse(url)
