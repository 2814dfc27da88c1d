"""One thread for the SDK's three event loops.

The aio client runs its queues on one loop, the tasks that read them on a second, the handlers on a third, so
that a handler that blocks holds nobody up. The handlers of this kit never wait (`hub_link`): with three threads
each message would only cost more switches, which is most of what a small message costs.
"""

from __future__ import annotations


def share_one_loop() -> None:
    """Call before the first client is made; loops that exist already stay as they are."""
    from azure.iot.device.iothub.aio import loop_management  # noqa: PLC0415 - loaded with the client, not before

    shared = loop_management.get_client_internal_loop()
    for name, loop in loop_management.loops.items():
        if loop is None:
            loop_management.loops[name] = shared
