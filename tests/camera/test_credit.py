from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from camera.credit import decode_credit
from camera.encoding import Wish, encode
from camera.picture import ImageFile
from camera.program import take_credits
from module_kit.inbox import Inbox, Overflow
from module_kit.message import Incoming, MessageError
from tests.camera.fakes import Bench
from tests.camera.pictures import jpeg


@dataclass
class Arrived:
    data: bytes
    custom_properties: dict[str, str | None] = field(default_factory=dict)
    message_id: str | None = "m1"
    content_type: str | None = "application/json"
    content_encoding: str | None = "utf-8"
    input_name: str | None = "credits"
    arrived_s: float = 0.0


def credit(**fields: object) -> bytes:
    return json.dumps({"schema": "credit/1", "source": "s", "boot": "b0", "sequence": 15} | fields).encode()


def test_reads_a_credit_and_what_later_versions_add() -> None:
    read = decode_credit(Arrived(credit(processedAt="later")))
    assert (read.source, read.boot, read.sequence) == ("s", "b0", 15)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "body"),
        (b"\xff\xfe", "body"),
        (b"[]", "body"),
        (b"{}", "schema"),
        (credit(schema="credit/2"), "schema"),
        (credit(boot=5), "boot"),
        (credit(boot=None), "boot"),
        (credit(sequence="15"), "sequence"),
        (credit(sequence=-1), "sequence"),
        (credit(sequence=1.5), "sequence"),
    ],
)
def test_what_breaks_the_schema_is_named(body: bytes, place: str) -> None:
    with pytest.raises(MessageError, match="m1") as caught:
        decode_credit(Arrived(body))
    assert caught.value.field_name == place


async def test_credits_reach_the_window_and_bad_ones_change_nothing() -> None:
    bench = Bench(frames_per_credit=0)
    bench.frames.begin("s")
    body = encode(ImageFile(jpeg()), Wish())
    for _ in range(20):
        await bench.frames.send(body, None, None)
    inbox: Inbox[Incoming] = Inbox("credits", 8, Overflow.DROP_OLDEST)
    for bad in (b"{", credit(boot="other", sequence=19), credit(boot=bench.frames.boot, sequence=99)):
        inbox.put(Arrived(bad))
    inbox.put(Arrived(credit(boot=bench.frames.boot, sequence=15)))
    inbox.close()
    await asyncio.wait_for(take_credits(inbox, bench.frames), 5)
    assert bench.frames._window.outstanding == 4
