"""The raw client's process: a job as JSON on standard input, a result as JSON on standard output.

Sender and receiver share one process, so one clock and one core tell how long a message took.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
import time
from typing import Any

from benchmarks.hub.children import read_job
from benchmarks.hub.raw_protocol import Client, ConnectionLostError, Login, Receiver, Sender
from benchmarks.hub.topics import PORT
from benchmarks.processes import Usage

PATIENCE_S = 60.0
"""Without any message for so long, what is missing will not come."""


async def main(job: dict[str, Any]) -> dict[str, Any]:
    match job["do"]:
        case "flow":
            return await flow(job)
        case "send":
            return await send(job)
        case "receive":
            return await receive(job)
    raise ValueError(job["do"])


async def flow(job: dict[str, Any]) -> dict[str, Any]:
    """In and out at once: `in_flight` messages, or `rate` a second, for `seconds` after `warm_up_s`."""
    receiver = await _receiver(job)
    sender = Sender(Login(**job["sender"]), output="out", size=job["size"], in_flight=job["in_flight"])
    await _connect(job, sender)
    rate = job["rate"]
    sending = asyncio.create_task(_paced(sender, rate)) if rate else None
    if sending is None:
        sender.start()
    await _unless_lost(asyncio.sleep(job["warm_up_s"]), sender, receiver)
    receiver.timing = True
    began, before = time.monotonic(), Usage.of(job["pid"])
    acknowledged, received = sender.acknowledged, receiver.received
    await _unless_lost(asyncio.sleep(job["seconds"]), sender, receiver)
    receiver.timing = False
    took, after = time.monotonic() - began, Usage.of(job["pid"])
    acknowledged, received = sender.acknowledged - acknowledged, receiver.received - received
    if sending is not None:
        sending.cancel()
    sender.stop()
    await _drained(sender, receiver)
    return {
        "in": acknowledged / took,
        "out": received / took,
        "cpu_us": (after.cpu_s - before.cpu_s) / max(received, 1) * 1e6,
        "cpu": (after.cpu_s - before.cpu_s) / took,
        "rss": after.rss_bytes,
        "faults": receiver.faults,
        "missing": sender.acknowledged - receiver.received,
        "latencies_ms": percentiles(receiver.latencies),
    }


async def send(job: dict[str, Any]) -> dict[str, Any]:
    """`messages`, with nobody there to receive them."""
    sender = Sender(
        Login(**job["sender"]),
        output=job["output"],
        size=job["size"],
        in_flight=job["in_flight"],
        limit=job["messages"],
    )
    await _connect(job, sender)
    began = time.monotonic()
    sender.start()
    await _finished(lambda: sender.acknowledged, job["messages"], sender)
    took = time.monotonic() - began
    return {"rate": job["messages"] / took, "seconds": took}


async def receive(job: dict[str, Any]) -> dict[str, Any]:
    """The `messages` that wait, in order."""
    began = time.monotonic()
    receiver = await _receiver(job)
    await _finished(lambda: receiver.received, job["messages"], receiver)
    took = time.monotonic() - began
    return {"rate": job["messages"] / took, "seconds": took, "faults": receiver.faults}


async def _receiver(job: dict[str, Any]) -> Receiver:
    receiver = Receiver(Login(**job["receiver"]))
    await _connect(job, receiver)
    await receiver.subscribe(job["subscribe"])
    return receiver


async def _connect(job: dict[str, Any], client: Client) -> None:
    context = ssl.create_default_context(cafile=job["ca"])
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # what the SDK speaks
    await asyncio.get_running_loop().create_connection(
        lambda: client, job["address"], PORT, ssl=context, server_hostname=job["address"]
    )
    await client.log_in()


async def _paced(sender: Sender, rate: float) -> None:
    """An open loop: a slow answer does not put the next message off."""
    loop = asyncio.get_running_loop()
    began, due = loop.time(), 0
    while True:
        now_due = int((loop.time() - began) * rate) + 1
        if now_due > due:
            sender.send(now_due - due)
            due = now_due
        await asyncio.sleep(began + due / rate - loop.time())


async def _unless_lost(awaited: Any, *clients: Client) -> None:
    task = asyncio.ensure_future(awaited)
    await asyncio.wait([task, *(client.lost for client in clients)], return_when=asyncio.FIRST_COMPLETED)
    for client in clients:
        if client.lost.done():
            task.cancel()
            await client.lost
    await task


async def _drained(sender: Sender, receiver: Receiver) -> None:
    """Until all that was sent has come, or nothing comes any more."""
    seen, since = -1, time.monotonic()
    while not sender.acknowledged == receiver.received == sender.sent:
        if (now := sender.acknowledged + receiver.received) != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE_S:
            return
        await _unless_lost(asyncio.sleep(0.02), sender, receiver)


async def _finished(count: Any, wanted: int, client: Client) -> None:
    """Tell the share that is done, four times a second, until all are."""
    seen, at = -1, time.monotonic()
    while (now := count()) < wanted:
        if now != seen:
            seen, at = now, time.monotonic()
            print(json.dumps({"progress": now / wanted}), flush=True)
        elif time.monotonic() - at > PATIENCE_S:
            raise ConnectionLostError(f"{now} of {wanted} messages, then nothing for {PATIENCE_S:.0f} s")
        await _unless_lost(asyncio.sleep(0.25 if wanted - now > 10_000 else 0.005), client)


def percentiles(nanoseconds: Any) -> dict[str, float]:
    if not nanoseconds:
        return {}
    ordered = sorted(nanoseconds)
    return {name: ordered[int(len(ordered) * share)] / 1e6 for name, share in (("p50", 0.5), ("p99", 0.99))}


if __name__ == "__main__":
    try:
        found = asyncio.run(main(read_job()))
    except (ConnectionLostError, OSError) as error:
        print(json.dumps({"error": str(error) or type(error).__name__}), flush=True)
        sys.exit(1)
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"result": found}), flush=True)
