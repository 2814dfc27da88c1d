from __future__ import annotations

from camera.status import State
from tests.camera.fakes import Bench
from tests.counted import series


def states() -> dict[str, float]:
    return {dict(labels)["camera_state"]: told for labels, told in series("camera_state").items()}


async def test_the_state_is_a_series_of_each_state_with_a_one_at_the_present_one() -> None:
    status = Bench().status
    status.enter(State.RUNNING)
    assert states() == {state.value: float(state is State.RUNNING) for state in State}
    status.pause()
    assert states()["paused"] == 1
    assert states()["running"] == 0
    status.resume()
    status.enter(State.NO_SIGNAL, "unplugged")
    assert [name for name, told in states().items() if told] == ["no_signal"]
