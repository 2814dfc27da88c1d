from __future__ import annotations

from typing import Any

import pytest

from module_kit.methods import MethodError, Methods


async def _pause(payload: Any) -> Any:
    if payload == "never":
        raise MethodError(400, "seconds must be a number")
    if payload == "broken":
        raise OSError("rtsp://u:p@cam")
    return {"paused": payload}


@pytest.mark.parametrize(
    ("name", "payload", "answer"),
    [
        ("pause", 5, (200, {"paused": 5})),
        ("pause", "never", (400, {"message": "seconds must be a number"})),
        ("pause", "broken", (500, {"message": "OSError: rtsp://***@cam"})),
        ("Pause", None, (404, {"message": "no direct method 'Pause'; this module has: pause, resume"})),
    ],
)
async def test_answer(name: str, payload: Any, answer: tuple[int, Any]) -> None:
    methods = Methods()
    methods.register("resume", _pause)
    methods.register("pause", _pause)
    assert await methods.answer(name, payload) == answer


async def test_a_module_without_methods_says_so() -> None:
    assert (await Methods().answer("x", None))[1] == {
        "message": "no direct method 'x'; this module has: none"
    }


def test_a_name_is_registered_once() -> None:
    methods = Methods()
    methods.register("pause", _pause)
    with pytest.raises(ValueError, match="'pause' is registered twice"):
        methods.register("pause", _pause)
