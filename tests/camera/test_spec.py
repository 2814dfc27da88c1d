from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera.sources.source import SourceSpecError
from camera.sources.spec import Kind, parse_spec


@pytest.mark.parametrize(
    ("text", "kind", "target", "options", "name"),
    [
        ("sample:", Kind.SAMPLE, "", {}, "sample"),
        ("sample:?seed=3", Kind.SAMPLE, "", {"seed": "3"}, "sample"),
        ("camera:0", Kind.CAMERA, "0", {}, "camera-0"),
        ("camera:2?width=1280&height=720", Kind.CAMERA, "2", {"width": "1280", "height": "720"}, "camera-2"),
        ("folder:/data/in box", Kind.FOLDER, "/data/in box", {}, "in-box"),
        ("folder:relative?follow=true", Kind.FOLDER, "relative", {"follow": "true"}, "relative"),
        ("folder:/what?/now", Kind.FOLDER, "/what?/now", {}, "now"),  # not options: no name=value
        ("folder:/100%25", Kind.FOLDER, "/100%25", {}, "100-25"),  # paths are not percent-decoded
        ("video:/v/Lobby 1.mp4", Kind.VIDEO, "/v/Lobby 1.mp4", {}, "Lobby-1"),
        ("cifar10:", Kind.CIFAR10, "", {}, "cifar10"),
        ("cifar10:?split=train", Kind.CIFAR10, "", {"split": "train"}, "cifar10"),
        ("cifar10:/d/c.tar.gz?split=test", Kind.CIFAR10, "/d/c.tar.gz", {"split": "test"}, "cifar10"),
        ("rtsp://cam.local/s?x=1", Kind.RTSP, "rtsp://cam.local/s?x=1", {}, "rtsp-cam-local"),
        ("RTSP://cam.local/s", Kind.RTSP, "rtsp://cam.local/s", {}, "rtsp-cam-local"),
        ("mqtt://b/cams/1", Kind.MQTT, "mqtt://b/cams/1", {}, "mqtt-b"),
        ("mqtt://b/cams/%23", Kind.MQTT, "mqtt://b/cams/%23", {}, "mqtt-b"),
        (
            "mqtts://u:p@b:8884/t?ca=/ca.pem",
            Kind.MQTT,
            "mqtts://u:p@b:8884/t?ca=/ca.pem",
            {"ca": "/ca.pem"},
            "mqtt-b",
        ),
    ],
)
def test_reads(text: str, kind: Kind, target: str, options: dict[str, str], name: str) -> None:
    spec = parse_spec(text)
    assert (spec.kind, spec.target, spec.options, spec.name) == (kind, target, options, name)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "expected KIND:TARGET"),
        ("/data", "expected KIND:TARGET"),
        ("http://x/y", "expected one of camera:N"),
        ("webcam:0", "expected one of camera:N"),
        ("camera:", "number of a device"),
        ("camera:/dev/video0", "number of a device"),
        ("camera:-1", "number of a device"),
        ("camera:0?fps=3", "unknown option 'fps'"),
        ("camera:0?width=0", "expected [1-9]"),
        ("folder:", "expected a path"),
        ("video:", "expected a path"),
        ("folder:/a\0b", "NUL"),
        ("cifar10:/d?split=both", "expected test|train"),
        ("sample:/frames", "takes no path"),
        ("rtsp:///x", "no host"),
        ("rtsp://h:0/x", "port 0"),
        ("mqtt://h", "no topic"),
        ("mqtt://h/", "no topic"),
        ("mqtt://h/cams/#", "%23"),
        ("mqtt://h/t?tls=1", "unknown option 'tls'"),
    ],
)
def test_refuses(text: str, part: str) -> None:
    with pytest.raises(SourceSpecError, match=r"(?s).*") as caught:
        parse_spec(text)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://user:s3cret@h/x",
        "rtsp://user:s3cret@h:99999/x",
        "rtsp://user:s3cret/part@h/x",  # a slash that should have been %2F
        "rtsp://user:s3cret@part@h/x",
        "rtsp://user:s3cret:part@h/x",
        "mqtt://user:s3cret@h/",
        "mqtts://user:s3cret@[::1/topic",
        "mqtt://s3cret@h/topic?x=1",
    ],
)
def test_credentials_show_nowhere(text: str) -> None:
    try:
        spec = parse_spec(text)
    except SourceSpecError as error:
        shown = str(error)
    else:
        shown = f"{spec!r} {spec.masked} {spec.name}"
    assert "s3cret" not in shown
    assert "part" not in shown


@given(
    st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    st.from_regex(r"[A-Z!$%^&*()_+~:@/]{4,12}", fullmatch=True),
)
def test_no_password_is_left_in_a_masked_url(user: str, password: str) -> None:
    try:
        shown = parse_spec(f"rtsp://{user}:{password}@host/x").masked
    except SourceSpecError as error:
        shown = str(error)
    assert "rtsp://***@host/x" in shown
