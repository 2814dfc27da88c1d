from __future__ import annotations

import asyncio

from camera.encoding import Wish, encode
from camera.picture import ImageFile
from camera.program import take_credits
from module_kit.credit import Credit
from module_kit.inbox import Inbox, Overflow
from module_kit.message import Incoming
from tests.camera.fakes import Bench
from tests.camera.pictures import jpeg
from tests.module_kit.arriving import Arrived, arrived
from tests.patience import PATIENCE_S


def credit(boot: str, sequence: int) -> Arrived:
    return arrived(Credit(source="s", boot=boot, sequence=sequence).encode())


async def test_credits_reach_the_window_and_bad_ones_change_nothing() -> None:
    bench = Bench(frames_per_credit=0)
    bench.frames.begin("s")
    body = encode(ImageFile(jpeg()), Wish())
    for _ in range(20):
        await bench.frames.send(body, None, None)
    inbox: Inbox[Incoming] = Inbox("credits", 8, Overflow.DROP_OLDEST)
    for bad in (Arrived(b"{"), credit("other", 19), credit(bench.frames.boot, 99)):
        inbox.put(bad)
    inbox.put(credit(bench.frames.boot, 15))
    inbox.close()
    await asyncio.wait_for(take_credits(inbox, bench.frames), PATIENCE_S)
    assert bench.frames._window.outstanding == 4
