"""`scripts/deploy`: from arguments to an exit code."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from typing import Any

from edge_runtime.manifest import ManifestError
from release.deploy.content import as_layer
from release.deploy.environment import Environment, find_connection, read_environment
from release.deploy.fleet import Fleet
from release.deploy.iot_hub import IotHub
from release.deploy.masking import Masker
from release.deploy.one_device import OneDevice
from release.deploy.options import ROOT, Action, find_target, parse
from release.deploy.outcome import DeployError, Exit, UsageError
from release.deploy.session import UNCHANGED, Session
from release.deploy.template import prepare
from release.deploy.view import View

_SCHEMA = "deployment/1"


def main(arguments: Sequence[str]) -> int:
    """The exit code is one of `outcome.Exit`."""
    options = parse(arguments)
    masker = Masker()
    masker.learn_variables(os.environ)
    session = Session(options, View(masker, machine=options.machine))
    session.result |= {"schema": _SCHEMA, "environment": options.env}
    # A pipeline that is cancelled is told what the device has, as somebody at a terminal is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = _run(session, masker)
    except KeyboardInterrupt:
        code = session.end(Exit.INTERRUPTED, "interrupted", f"interrupted: {session.standing}")
    except ManifestError as error:
        session.view.problems(error.problems)
        code = session.end(Exit.USAGE, "refused", f"{options.template} is no manifest; {UNCHANGED}")
    except DeployError as error:
        code = session.end(error.exit_code, "refused", f"{error}; {session.standing}")
    session.view.result(session.result)
    return int(code)


def _run(session: Session, masker: Masker) -> Exit:
    options = session.options
    environment = read_environment(ROOT, options.env, os.environ)
    masker.learn_variables(environment.process)
    masker.learn_variables(environment.own)
    connection = find_connection(environment, options.state)
    masker.learn_variables({"IOTHUB_CONNECTION_STRING": connection.connection_string})
    target = find_target(options, environment, connection.device)
    hub = IotHub(connection)
    session.result["iothub"] = connection.host
    content = _content(session, environment, masker) if options.action is Action.DEPLOY else None
    work: OneDevice | Fleet
    if target.device is not None:
        work = OneDevice(session, hub, target.device)
    else:
        work = Fleet(session, hub, target.condition or "", target.priority)
    match options.action:
        case Action.FOLLOW:
            return work.follow()
        case Action.RESTORE:
            return work.restore()
        case _:
            return work.deploy(content or {})


def _content(session: Session, environment: Environment, masker: Masker) -> dict[str, Any]:
    """The `modulesContent` to deploy. Raises ManifestError, UsageError."""
    options = session.options
    prepared = prepare(options.template, environment, options.platform, options.images)
    session.view.problems(prepared.problems)
    if prepared.errors:
        count = len(prepared.errors)
        raise UsageError(f"{prepared.file} has {count} error{'s' * (count > 1)}")
    masker.learn_variables(prepared.variables)
    masker.learn(prepared.content)
    session.result["platform"] = prepared.platform
    if prepared.layered or not options.layered:
        return prepared.content
    return as_layer(prepared.content)
