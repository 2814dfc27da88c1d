"""The module's main: joins the source, the credits and the methods to the hub."""

from __future__ import annotations

import asyncio
import logging

from camera.frame_sender import FrameSender
from camera.methods import CameraMethods
from camera.settings import CameraSettings
from camera.status import Status
from camera.supervisor import Supervisor
from module_kit.credit import Credit
from module_kit.inbox import Inbox, InboxClosed
from module_kit.message import Incoming, MessageError
from module_kit.metrics import MESSAGES_DROPPED
from module_kit.module import Module
from module_kit.sparse_log import SparseLog

CREDITS_CAPACITY = 64
REPORT_S = 300.0
"""Counts are reported this often when nothing else changes: twin traffic is metered."""

_log = logging.getLogger(__name__)


async def main(module: Module[CameraSettings]) -> None:
    """Run until the module stops."""
    status = Status(module.report)
    frames = FrameSender(module, status)
    supervisor = Supervisor(lambda: module.settings, status, frames)
    methods = CameraMethods(status, frames)
    credits_inbox = module.input("credits", capacity=CREDITS_CAPACITY)
    for name in ("pause", "resume", "snapshot"):
        module.method(name, getattr(methods, name))
    module.on_settings(supervisor.settings_changed)
    await module.start()
    module.spawn(take_credits(credits_inbox, frames), "credits")
    module.spawn(supervisor.run(), "supervisor")
    module.spawn(_report_counts(status), "counts")
    await module.stopping.wait()
    status.publish()


async def take_credits(inbox: Inbox[Incoming], frames: FrameSender) -> None:
    """Hand the classifier's credits to the sender; what breaks the schema is counted."""
    problems = SparseLog(_log, "credits")
    while True:
        try:
            message = await inbox.get()
        except InboxClosed:
            return
        try:
            credit = Credit.decode(message)
        except MessageError as error:
            MESSAGES_DROPPED.labels("input credits", "bad_message").inc()
            problems.warning(f"credit left out: {error}")
        else:
            frames.credit(credit.boot, credit.sequence)


async def _report_counts(status: Status) -> None:
    while True:
        await asyncio.sleep(REPORT_S)
        status.publish()
