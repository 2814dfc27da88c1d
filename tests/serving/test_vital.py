from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from image_classifier.bundle import load_bundle
from image_classifier.preprocess import ModelInput
from serving import vital
from serving.errors import StuckError
from serving.scoring import BatchedVersion, Call, OneVersion, Result
from tests.patience import PATIENCE_S
from tests.serving.running import ROOT, golden_picture, running

BREAKS_ONCE = """
import os, pathlib, sys

def breaks():
    def broken(batcher):
        if flag.exists():
            flag.unlink()
            raise MemoryError("out of luck")
        return take(batcher)

    flag, Batcher = pathlib.Path(__file__).with_name("flag"), sys.modules["serving.batching"].Batcher
    take, Batcher._take = Batcher._take, broken

if "serving" in sys.orig_argv:
    os.register_at_fork(after_in_child=lambda: "serving.batching" in sys.modules and breaks())
"""


async def told(work: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    task = vital.start(work, "work")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0)
    return found


async def test_a_task_that_fails_is_told_at_once() -> None:
    async def fails() -> None:
        raise MemoryError("out of luck")

    (context,) = await told(fails())
    assert context[vital.VITAL]
    assert (str(context["exception"]), context["message"]) == ("out of luck", "the task 'work' failed")


async def test_a_task_that_is_cancelled_or_done_is_not() -> None:
    async def ends() -> None: ...

    assert not await told(asyncio.Event().wait())
    assert not await told(ends())


class Hanging:
    """A version whose model does not come back."""

    bundle = load_bundle("fast")

    async def score(self, pictures: Sequence[ModelInput]) -> list[Result]:
        raise StuckError(f"{len(pictures)} pictures")


async def test_a_model_that_hangs_is_told() -> None:
    async def asks() -> None:
        with pytest.raises(StuckError):
            await OneVersion(cast("BatchedVersion", Hanging())).score(Call("score"), [b"picture"])

    (context,) = await told(asks())
    assert context[vital.VITAL]
    assert (str(context["exception"]), context["message"]) == ("1 pictures", "the model hangs")


def test_a_worker_whose_batches_end_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BREAKS_ONCE)
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}:{ROOT / 'libs'}"}
    with running(tmp_path, environment=environment, workers=1) as service:
        (tmp_path / "flag").touch()
        headers = {"Content-Type": "image/png"}
        assert service.request("POST", "/score", golden_picture(), headers).status == 503
        until = time.monotonic() + PATIENCE_S
        while "starting another" not in service.log.read_text():
            assert time.monotonic() < until, service.log.read_text()
            time.sleep(0.02)
        service.wait_until_ready()
        assert service.request("POST", "/score", golden_picture(), headers).status == 200
        text = service.log.read_text()
    assert "the task 'batches' failed" in text
    assert "ended with 1 after" in text
