"""amqtt with its defaults, behind TLS, forwarding the sender's topic to the receiver's: amqtt_broker.py CONFIG.

Runs in `.venv-amqtt`, so it imports nothing of ours. CONFIG is JSON: address, port, chain, key, from, to.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from amqtt.plugins.base import BasePlugin

CONFIG: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())


class Forward(BasePlugin):  # type: ignore[misc] # another environment's
    """What mosquitto's bridge does, without the second hop."""

    async def on_broker_message_received(self, *, client_id: str, message: Any) -> None:
        """Called by name, for each message that a client publishes."""
        del client_id
        topic: str = message.topic
        if topic.startswith(CONFIG["from"]):
            target = CONFIG["to"] + topic.removeprefix(CONFIG["from"])
            await self.context.broadcast_message(target, message.data, 1)


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    listener = {
        "type": "tcp",
        "bind": f"{CONFIG['address']}:{CONFIG['port']}",
        "ssl": True,
        "certfile": CONFIG["chain"],
        "keyfile": CONFIG["key"],
    }
    plugins = {
        "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
        "__main__.Forward": {},
    }
    broker = Broker({"listeners": {"default": listener}, "plugins": plugins})
    await broker.start()
    await stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main())
