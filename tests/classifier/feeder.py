"""A module that feeds the classifier as a camera would and writes down what comes back.

`python -m tests.classifier.feeder`, with FRAMES, IMAGES (a folder) and RESULT (a file of JSON lines) in its
environment: the real module kit and the real SDK, at most 64 frames without credit.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from module_kit.frame import Frame
from module_kit.identifiers import new_boot, new_traceparent, timestamp
from module_kit.module import Module, run_module
from module_kit.settings import ModuleSettings

WINDOW = 64
RESULT = Path(os.environ.get("RESULT", os.devnull))


class FeederSettings(ModuleSettings):
    """None."""


async def main(module: Module[FeederSettings]) -> None:
    result = RESULT.open("w", encoding="utf-8")  # noqa: ASYNC230 - a few lines, open to the end
    count, interval_s = int(os.environ["FRAMES"]), float(os.environ.get("INTERVAL_S", "0"))
    images = [path.read_bytes() for path in sorted(Path(os.environ["IMAGES"]).iterdir())]
    predictions, credits_ = module.input("predictions", capacity=4096), module.input("credits", capacity=256)
    boot, credited, room = new_boot(), -1, asyncio.Condition()
    await module.start()

    async def take_credits() -> None:
        nonlocal credited
        while True:
            body = json.loads((await credits_.get()).data)
            if body["boot"] == boot:
                async with room:
                    credited = max(credited, body["sequence"])
                    room.notify_all()

    async def write_predictions() -> None:
        for _ in range(count):
            message = await predictions.get()
            body: dict[str, Any] = json.loads(message.data)
            facts = {"at": time.time(), "messageId": message.message_id, "trace": message.custom_properties}
            result.write(json.dumps(body | facts) + "\n")
            result.flush()

    module.spawn(take_credits(), "credits")
    writing = module.spawn(write_predictions(), "predictions")
    for sequence in range(count):
        async with room:
            while sequence - credited > WINDOW:
                await room.wait()
        await module.send("frames", _frame(images[sequence % len(images)], boot, sequence).encode())
        await asyncio.sleep(interval_s)
    await writing
    async with room:
        while credited < count - 1:
            await room.wait()


def _frame(image: bytes, boot: str, sequence: int) -> Frame:
    return Frame(
        image=image,
        content_type="image/png",
        source="feeder",
        boot=boot,
        sequence=sequence,
        captured_at=timestamp(),
        width=8,
        height=8,
        traceparent=new_traceparent(),
    )


if __name__ == "__main__":
    run_module("feeder", FeederSettings, main)
