"""Damage done to the hub's store, and whether the hub that starts on it keeps its promise.

The promise: what cannot be read is never passed over in silence. A start either finds everything, or keeps the
damaged files aside as they were, takes over what can be read and says so, or refuses. SQLite has no checksums of
pages, so a changed byte within a message stays unseen; and a log that is cut between two commits looks as it would
after a crash before the second.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from edge_runtime.hub.database import PAGE_BYTES, StoreDamagedError, StoreError
from edge_runtime.hub.edge_hub import EdgeHub
from edge_runtime.hub.message import ClientId, Message
from edge_runtime.hub.queue_store import Stored
from edge_runtime.hub.upstream_delivery import UpstreamError
from fuzzing.findings import Finding, Findings

STORE = "hub.db"
_DEVICE = "edge"
_ENDPOINTS = ("iothub", "edge/classifier/frames", "edge/filter/predictions")
_PRIORITIES = (0, 2_000_000_000)
_MESSAGES, _DELETED = 240, 60
_TRIAL_S = 120.0
_STARTS = 3
_SUFFIXES = ("", "-wal", "-claim")

INTACT = "intact"
ALTERED = "altered within a row, which SQLite cannot tell"
CUT = "the end of the log is missing, as after a crash"
WHOLE = "salvaged whole"
LESS = "salvaged with a loss that was told"
REFUSED = "refused"


class BrokenPromiseError(Exception):
    """What the hub must never do."""


@dataclass(frozen=True, slots=True)
class Original:
    """A store that was not closed and one that was, and the messages in both: key -> body."""

    crashed: Path
    closed: Path
    bodies: Mapping[int, bytes]
    newest: Sequence[int]
    """Keys in the order of their commits."""


class _Away:
    async def send(self, _: Sequence[Stored]) -> NoReturn:
        raise UpstreamError("away")


def _failed(error: Exception) -> None:
    raise BrokenPromiseError(f"the store failed in use: {error}") from error


def _hub(folder: Path) -> EdgeHub:
    return EdgeHub(
        device_id=_DEVICE,
        iothub_hostname="local.azure-devices.net",
        gateway_hostname="127.0.0.1",
        database=folder / STORE,
        upstream=_Away(),
        failed=_failed,
    )


def make_originals(folder: Path, seed: int) -> Original:
    """Messages of all sizes, some delivered and deleted again, twins, sessions and identities."""
    draw = random.Random(seed)  # noqa: S311
    crashed, closed, live = (folder / name for name in ("crashed", "closed", "live"))
    for place in (crashed, closed, live):
        place.mkdir(parents=True)
    return asyncio.run(_make(draw, live, crashed, closed))


async def _make(draw: random.Random, live: Path, crashed: Path, closed: Path) -> Original:
    hub = _hub(live)
    await hub.identities.ensure([f"module{n}" for n in range(20)])
    for n in range(20):
        client = ClientId(_DEVICE, f"module{n}")
        await hub.patch_desired(client, {"setting": n, "text": "x" * draw.randrange(500)})
        await hub.save_session(client, {f"devices/edge/modules/module{n}/inputs/#": 1})
    kept: list[Stored] = []
    for n in range(_MESSAGES):
        kept.append(await _append(hub, draw, n))
        if n == _MESSAGES // 2:  # a part of it all is in the database, the rest in the log alone
            sqlite3.connect(live / STORE).execute("PRAGMA wal_checkpoint").connection.close()
    gone = draw.sample(kept, _DELETED)
    hub.store.remove([stored.key for stored in gone])
    kept = [stored for stored in kept if stored not in gone]
    kept.extend(
        [await _append(hub, draw, _MESSAGES + n) for n in range(3)]
    )  # the deletes ride on these commits
    _copy(live, crashed)
    hub.close()
    _copy(live, closed)
    bodies = {stored.key: stored.message.body for stored in kept}
    return Original(crashed, closed, bodies, [stored.key for stored in kept])


async def _append(hub: EdgeHub, draw: random.Random, number: int) -> Stored:
    done: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
    size = draw.choice((0, 10, 100, 1000, 1000, 5000, 20_000))
    message = Message(
        ClientId(_DEVICE, "camera"),
        "frames",
        {"n": str(number)},
        {"messageId": f"m.{number}"},
        draw.randbytes(size),
    )
    target = (draw.choice(_ENDPOINTS), draw.choice(_PRIORITIES), None)
    hub.store.append([target], message, lambda rows: done.set_result(rows[0]))
    return await done


def _copy(source: Path, target: Path) -> None:
    for suffix in _SUFFIXES:
        if (source / f"{STORE}{suffix}").exists():
            shutil.copyfile(source / f"{STORE}{suffix}", target / f"{STORE}{suffix}")


# Damage -------------------------------------------------------------------------------------------


def _flip(draw: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(draw.choice((1, 1, 2, 16))):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)


def _flip_structure(draw: random.Random, file: Path) -> None:
    """In the headers of pages and the lists of their cells, where it matters most."""
    content = bytearray(file.read_bytes())
    page = draw.randrange(len(content) // PAGE_BYTES)
    at = page * PAGE_BYTES + draw.randrange(40)
    content[at] ^= 1 << draw.randrange(8)
    file.write_bytes(content)


def _overwrite(draw: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    start, length = draw.randrange(len(content)), draw.choice((1, 16, 512, PAGE_BYTES, 4 * PAGE_BYTES))
    length = min(length, len(content) - start)
    content[start : start + length] = draw.choice((bytes(length), draw.randbytes(length)))
    file.write_bytes(content)


def _swap_pages(draw: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    pages = [PAGE_BYTES * n for n in draw.sample(range(len(content) // PAGE_BYTES), 2)]
    first, second = (content[at : at + PAGE_BYTES] for at in pages)
    content[pages[0] : pages[0] + PAGE_BYTES], content[pages[1] : pages[1] + PAGE_BYTES] = second, first
    file.write_bytes(content)


def _header(draw: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    length = draw.choice((1, 16, 100))
    content[:length] = draw.randbytes(length)
    file.write_bytes(content)


def _cut(draw: random.Random, file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(draw.randrange(1, file.stat().st_size))


def _empty(_: random.Random, file: Path) -> None:
    file.write_bytes(b"")


def _remove(_: random.Random, file: Path) -> None:
    file.unlink()


def _garbage(draw: random.Random, file: Path) -> None:
    file.write_bytes(draw.randbytes(draw.choice((1, 100, 4096, 100_000))))


Damage = Callable[[random.Random, Path], None]
_DATABASE: Sequence[Damage] = (
    *(_flip, _flip, _flip_structure, _flip_structure, _overwrite, _overwrite),
    *(_swap_pages, _header, _cut, _cut, _empty, _garbage),
)
_LOG: Sequence[Damage] = (_flip, _flip, _overwrite, _header, _cut, _cut, _remove, _garbage)
_MAY_CUT = {"log: cut", "log: flip", "log: overwrite"}


def damage(original: Original, seed: int, number: int, folder: Path) -> str:
    """Put damaged copy `number` of the sequence `seed` into an empty folder; the kind of damage."""
    draw = random.Random(f"{seed}.{number}")  # noqa: S311
    if draw.random() < 0.35:
        _copy(original.crashed, folder)
        harm, what, file = draw.choice(_LOG), "log", folder / f"{STORE}-wal"
    else:
        _copy(draw.choice((original.crashed, original.closed)), folder)
        harm, what, file = draw.choice(_DATABASE), "database", folder / STORE
    harm(draw, file)
    return f"{what}: {harm.__name__.strip('_').replace('_', ' ')}"


# Trial --------------------------------------------------------------------------------------------


def attempt(original: Original, kind: str, folder: Path) -> str:
    """Start a hub on it, as often as a supervisor would; the outcome. Raises BrokenPromiseError."""
    damaged = {
        s: (folder / f"{STORE}{s}").read_bytes() for s in ("", "-wal") if (folder / f"{STORE}{s}").exists()
    }
    for _ in range(_STARTS):
        try:
            found, told = asyncio.run(_start(folder))
            break
        except StoreDamagedError:
            continue
        except StoreError as error:
            if (folder / STORE).read_bytes() != damaged[""]:
                raise BrokenPromiseError(f"refused, and changed: {error}") from error
            return REFUSED
    else:
        raise BrokenPromiseError("it never comes up")
    outcome = _judge(original, kind, found, told=told)
    kept = [
        p for p in folder.iterdir() if p.name.startswith(f"{STORE}.corrupt-") and not p.name.endswith("-wal")
    ]
    if told:
        if len(kept) != 1 or kept[0].read_bytes() != damaged[""]:
            raise BrokenPromiseError(f"the damaged file was not kept as it was: {kept}")
        if "-wal" in damaged and kept[0].with_name(f"{kept[0].name}-wal").read_bytes() != damaged["-wal"]:
            raise BrokenPromiseError("its log was not kept as it was")
    elif kept:
        raise BrokenPromiseError("kept aside without a word")
    again, told_again = asyncio.run(_start(folder))
    if told_again or again != found:
        raise BrokenPromiseError("the next start finds something else")
    return outcome


def _judge(original: Original, kind: str, found: Mapping[int, bytes], *, told: bool) -> str:
    missing = [key for key in original.newest if key not in found]
    strange = found.keys() - original.bodies.keys()
    altered = [key for key, body in found.items() if original.bodies.get(key, body) != body]
    if told:
        return LESS if missing else WHOLE
    if missing or strange:
        if kind in _MAY_CUT and missing == list(original.newest[len(original.newest) - len(missing) :]):
            return CUT
        raise BrokenPromiseError(
            f"without a word {len(missing)} are missing and {len(strange)} came up again"
        )
    return ALTERED if altered else INTACT


async def _start(folder: Path) -> tuple[dict[int, bytes], bool]:
    """What a hub finds, and whether it said that the store was damaged."""
    async with asyncio.timeout(_TRIAL_S):
        hub = _hub(folder)
        try:
            await hub.recover()
            for delivery in hub.endpoints:
                await delivery.queues.count()
            found: dict[int, bytes] = {}
            for endpoint in hub.store.endpoints:
                for rank in await hub.store.occupied(endpoint):
                    rows = await hub.store.read(endpoint, rank, 0, 10 * _MESSAGES, most_bytes=1 << 30)
                    found |= {row.key: row.message.body for row in rows}
            await hub.patch_desired(ClientId(_DEVICE, "module1"), {"written": True})
            json.dumps([hub.twin(identity.client) for identity in hub.identities])
            return found, hub.salvaged is not None
        finally:
            hub.close()


def fuzz_stores(
    seed: int, numbers: Iterable[int], place: Path, progress: Callable[[Findings], None] | None = None
) -> Findings:
    """Try damaged stores `numbers` of the sequence `seed`, in an empty folder; `progress` is called after each."""
    started, results = time.monotonic(), Findings()
    original = make_originals(place, seed)
    for number in numbers:
        folder = place / str(number)
        folder.mkdir()
        kind = damage(original, seed, number, folder)
        try:
            results.add(number, kind, attempt(original, kind, folder))
        except Exception as error:  # noqa: BLE001 - anything that is no refusal is what we look for
            results.add(number, kind, f"BROKEN: {type(error).__name__}")
            results.findings.append(Finding(number, kind, "".join(traceback.format_exception(error))))
        shutil.rmtree(folder)
        results.seconds = time.monotonic() - started
        if progress is not None:
            progress(results)
    return results
