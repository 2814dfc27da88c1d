"""`python -m edge_runtime run`: from the command line to an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Sequence

from edge_runtime import disk_reserve
from edge_runtime.early_hub import EarlyHub
from edge_runtime.log_format import log_to_file
from edge_runtime.manifest import Manifest, ManifestError, Severity, load
from edge_runtime.manifest.check import check
from edge_runtime.state_folder import DISK_FULL, StateFolder, StateFolderError, StateLock, cannot_hold
from edge_runtime.supervisor.announce import Announcer
from edge_runtime.supervisor.engines import EngineUnusableError, open_place, placed
from edge_runtime.supervisor.hub_child import PORT_TAKEN_EXIT_CODE, HubFailedError
from edge_runtime.supervisor.options import RunOptions
from edge_runtime.supervisor.port_conflict import explained
from edge_runtime.supervisor.runtime import Runtime
from edge_runtime.supervisor.stop import StopRequest

_USAGE_EXIT_CODE = 2


class RefusedError(Exception):
    """The run cannot begin; each line says what, where, and the mend."""


def run_to_end(options: RunOptions, early: EarlyHub) -> int:
    """The exit codes are those of `--help`."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    return asyncio.run(run(options, early=early))


async def run(
    options: RunOptions, hub_command: Sequence[str] | None = None, early: EarlyHub | None = None
) -> int:
    """Run until asked to stop; the exit code. `hub_command` starts another hub, to inject faults."""
    announcer = Announcer(as_json=options.as_json)
    stop = StopRequest()
    if options.stop_after_s is not None:
        asyncio.get_running_loop().call_later(options.stop_after_s, stop.ask)
    try:
        manifest = load_checked(options, announcer)
        folder = StateFolder(options.state)
        folder.create()
        disk_reserve.release(folder.reserve)
        lock = StateLock(folder)
        end_log = log_to_file(folder.log("edgeAgent"))
    except (RefusedError, StateFolderError) as error:
        announcer.trouble(str(error))
        return _USAGE_EXIT_CODE
    try:
        async with contextlib.AsyncExitStack() as stack:
            place = await open_place(options)
            stack.push_async_callback(place.close)
            options = placed(options, place)
            runtime = Runtime(options, manifest, announcer, place, hub_command, early)
            return await _run_locked(runtime, options.address, stop, announcer)
    except (StateFolderError, EngineUnusableError) as error:
        announcer.trouble(str(error))
        return _USAGE_EXIT_CODE
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        announcer.trouble(str(cannot_hold(folder.path, error)))
        return _USAGE_EXIT_CODE
    finally:
        end_log()
        disk_reserve.hold(folder.reserve)
        lock.release()


async def _run_locked(runtime: Runtime, address: str, stop: StopRequest, announcer: Announcer) -> int:
    stop.on_second(runtime.kill)
    work = asyncio.create_task(_work(runtime), name="runtime")
    asked = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
    except HubFailedError as error:
        taken = error.exit_code == PORT_TAKEN_EXIT_CODE
        announcer.trouble(explained(address, str(error)) if taken else str(error))
        return error.exit_code
    else:
        announcer.say("stopping", "stopping")
        return 0
    finally:
        asked.cancel()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await work
        await runtime.end()
        announcer.say("stopped", "stopped")


async def _work(runtime: Runtime) -> None:
    await runtime.start()
    await runtime.run()


def load_checked(options: RunOptions, announcer: Announcer) -> Manifest:
    """The manifest; warnings are printed. Raises RefusedError for a manifest with errors."""
    try:
        manifest = load(
            options.manifest, environment=os.environ, platform=options.platform, env_file=options.env_file
        )
        problems = check(manifest, device_id=options.device)
    except ManifestError as error:
        raise RefusedError(str(error)) from error
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise RefusedError("\n".join(map(str, errors)))
    for problem in problems:
        announcer.trouble(f"warning: {problem}")
    names = sorted(spec.name for spec in manifest.modules)
    known = f"{options.manifest} has no such module; it has: {', '.join(names)}"
    for name in sorted(options.without - set(names)):
        raise RefusedError(f"--without {name}: {known}")
    for name in sorted(set(options.commands) - set(names)):
        announcer.trouble(f"warning: --module {name}: {known}; a deployment to come may bring it")
    return manifest
