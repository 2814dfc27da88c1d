"""The classifier's `main`."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from classifier.engine import Engine
from classifier.feed import Feed
from classifier.settings import ClassifierSettings
from image_classifier.errors import ImageClassifierError
from module_kit.inbox import Inbox
from module_kit.lifecycle import EXIT_ENVIRONMENT, leave
from module_kit.message import Incoming
from module_kit.module import Module

_log = logging.getLogger(__name__)


async def main(module: Module[ClassifierSettings]) -> None:
    """Load the model, connect, classify until SIGTERM; what waits in the inbox then is still answered."""
    engine = _open(module.settings)
    frames = module.input("frames", capacity=module.settings.inbox)

    feed = Feed(frames, engine, module.send)

    async def prepare(old: ClassifierSettings, new: ClassifierSettings) -> None:
        # A thread of its own: the loop's executor belongs to the SDK, the worker's to the frames.
        with ThreadPoolExecutor(1, thread_name_prefix="prepare model") as thread:
            await asyncio.get_running_loop().run_in_executor(thread, engine.prepare, old, new)

    async def settle() -> None:
        await feed.settled()
        module.report({"modelInUse": engine.model.model_dump()})

    module.on_settings(engine.change, prepare=prepare, settle=settle)
    module.report({"state": "running", "modelInUse": engine.model.model_dump()})
    await module.start()
    module.spawn(_close_at_stop(module.stopping, frames), "close inbox")
    await feed.run()
    module.report({"state": "stopped"})


def _open(settings: ClassifierSettings) -> Engine:
    try:
        return Engine(settings)
    except ImageClassifierError as error:
        _log.critical("invalid environment: MODEL = %r: %s", settings.model, error)
        leave(EXIT_ENVIRONMENT)


async def _close_at_stop(stopping: asyncio.Event, frames: Inbox[Incoming]) -> None:
    await stopping.wait()
    frames.close()
