from __future__ import annotations

import pytest

from camera.settings import RESTARTING, CameraSettings, needs_restart
from module_kit.inbox import Overflow
from module_kit.settings import SettingsError, compose, from_environment


def test_environment_and_twin_say_the_same() -> None:
    environment = from_environment(
        CameraSettings,
        {
            "SOURCE": "video:/v.mp4",
            "FPS": "12.5",
            "REGION": "0,0.25,1,0.75",
            "FORMAT": "jpeg",
            "LOOP": "true",
        },
    )
    twin = {
        "source": "video:/v.mp4",
        "fps": 12.5,
        "region": [0, 0.25, 1, 0.75],
        "format": "jpeg",
        "loop": True,
    }
    assert compose(CameraSettings, environment) == compose(CameraSettings, twin)


@pytest.mark.parametrize(
    ("twin", "part"),
    [
        ({"fps": "5"}, "fps"),
        ({"fps": -1}, "fps"),
        ({"fps": 1001}, "fps"),
        ({"frames": 1.5}, "frames"),
        ({"jpegQuality": 101}, "jpegQuality"),
        ({"source": "webcam:0"}, "expected one of camera:N"),
        ({"source": 5}, "source"),
        ({"sourceName": "with blank"}, "sourceName"),
        ({"sourceName": "x" * 33}, "sourceName"),
        ({"region": [0, 0, 1]}, "left, top, right, bottom"),
        ({"region": [0.5, 0, 0.5, 1]}, "left < right"),
        ({"region": [0, 0, 1, 1.1]}, "region/3 = 1.1: input should be less than or equal to 1"),
        ({"overflow": "drop_latest"}, "expected one of auto, wait, drop_oldest"),
        ({"cifar10Url": "file:///etc/passwd"}, "http or https"),
        ({"cifar10Md5": "abc"}, "cifar10Md5"),
        ({"sceneSeconds": 0}, "sceneSeconds"),
        ({"brightness": 1}, "no such setting"),
    ],
)
def test_refuses_and_says_why(twin: dict[str, object], part: str) -> None:
    with pytest.raises(SettingsError) as caught:
        compose(CameraSettings, twin)
    assert part in str(caught.value)


def test_a_refused_source_shows_no_password() -> None:
    with pytest.raises(SettingsError) as caught:
        compose(CameraSettings, {"source": "rtsp://user:s3cret@h:port/x"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "overflow", "policy"),
    [
        ("camera:0", "auto", Overflow.DROP_OLDEST),
        ("rtsp://h/x", "auto", Overflow.DROP_OLDEST),
        ("mqtt://h/x", "auto", Overflow.DROP_OLDEST),
        ("mqtt://h/x", "wait", Overflow.WAIT),
        ("folder:/x", "auto", Overflow.WAIT),
        ("sample:", "auto", Overflow.WAIT),
        ("video:/x", "drop_oldest", Overflow.DROP_OLDEST),
    ],
)
def test_overflow_follows_the_source_unless_told(source: str, overflow: str, policy: Overflow) -> None:
    assert compose(CameraSettings, {"source": source, "overflow": overflow}).overflow_policy is policy


def test_only_what_names_the_source_restarts_it() -> None:
    old = CameraSettings()
    assert not needs_restart(old, CameraSettings(fps=3, jpeg_quality=80, region=[0, 0, 0.5, 0.5]))
    assert needs_restart(old, CameraSettings(frames=10))
    assert needs_restart(old, CameraSettings(source="folder:/x"))
    assert set(RESTARTING) <= set(CameraSettings.model_fields)
