from __future__ import annotations

import pytest

from module_kit import self_test
from module_kit.frame import Frame
from module_kit.message import MessageError, Outgoing
from module_kit.self_test import Arrived, SelfTestError, frame_of, import_packages


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(
        SelfTestError, match="the package no_such_package cannot be imported: No module named"
    ):
        import_packages(["json", "no_such_package"])


def test_a_frame_arrives_as_it_was_sent() -> None:
    frame = frame_of(b"picture", "image/png", 4, 3)
    assert (frame.image, frame.content_type, frame.width, frame.height) == (b"picture", "image/png", 4, 3)
    assert Frame.decode(Arrived(frame.encode(), "frames")) == frame


def test_a_frame_that_breaks_the_schema_is_refused() -> None:
    with pytest.raises(MessageError, match="contentType"):
        frame_of(b"picture", "image/gif", 4, 3)


def test_a_frame_that_changes_on_its_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Arrived):
        def __init__(self, message: Outgoing, input_name: str) -> None:
            super().__init__(message, input_name)
            self.data = self.data[:-1]

    monkeypatch.setattr(self_test, "Arrived", Broken)
    with pytest.raises(SelfTestError, match="arrives as another"):
        frame_of(b"picture", "image/png", 4, 3)
