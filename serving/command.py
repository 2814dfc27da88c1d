"""`python -m serving`: reads the command line and the environment, and starts the workers."""

from __future__ import annotations

import argparse
import os
import resource
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

from image_classifier.errors import ImageClassifierError
from serving import worker
from serving.errors import ConfigurationError
from serving.flighting.start import Flights, begin
from serving.keys import keys_from
from serving.logs import configure_logs
from serving.settings import Settings, settings_from
from serving.supervisor import Supervisor

_BACKLOG = 128
"""Connections that wait in the kernel, for any worker. With more, whoever gets a place under overload has waited longer
than its answer is worth. Who finds it full is not refused, its system tries again after a second."""
_OTHER_FILES = 64
"""Open files of a worker beside its connections and those that it takes over at its end."""


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes; the exit code."""
    with ExitStack() as ends:
        try:
            settings = settings_from(os.environ)
            _check_files(settings)
            configure_logs(settings.log_level)
            keys = keys_from(os.environ)
            served = (
                ends.enter_context(begin(options.flights))
                if options.flights
                else worker.proven(options.bundle)
            )
            listener = ends.enter_context(_listen(options.host, options.port))
        except (ConfigurationError, ImageClassifierError) as error:
            sys.stderr.write(f"serving: {error}\n")
            return 2
        host, port = listener.getsockname()[:2]
        shown = served.primary if isinstance(served, Flights) else served
        worker.announce(shown, host, port, options.workers)
        return Supervisor(
            lambda parent_fd: worker.run(settings, keys, served, listener, parent_fd),
            options.workers,
            mark_process_dead,
            # Connections that no worker takes any more are refused then, and do not wait in vain.
            listener.close,
            settings.drain_delay_s + settings.drain_timeout_s,
        ).run()


def _check_files(settings: Settings) -> None:
    most, needed = resource.getrlimit(resource.RLIMIT_NOFILE)[0], settings.connections + _OTHER_FILES
    if needed > most:
        raise ConfigurationError(
            f"SERVING_CONNECTIONS: {settings.connections} connections need {needed} open files in each worker, and "
            f"{most} are allowed; lower it, or raise the limit (ulimit -n)"
        )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from None


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m serving`."""
    found = argparse.ArgumentParser(
        prog="scripts/serve",
        description="Score pictures over HTTP. Keys: SCORING_KEY_PRIMARY and SCORING_KEY_SECONDARY, or *_FILE with the "
        "path of a file that is read again when it changes. Limits: SERVING_* (docs/serving.md).",
    )
    found.add_argument(
        "--port", type=_port, required=True, help="TCP port; 0: any that is free, told in the log"
    )
    found.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    found.add_argument(
        "--workers",
        type=_count,
        default=_processors(),
        help="processes (default: one a processor, %(default)s here)",
    )
    what = found.add_mutually_exclusive_group()
    what.add_argument(
        "--flights",
        type=Path,
        metavar="PLAN",
        help="a flight plan: several bundles, watched for changes (serving/flighting/README.md)",
    )
    what.add_argument(
        "--bundle", default="fast", help="shipped bundle, or a bundle's folder (default: %(default)s)"
    )
    return found


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, found {port}")
    return port


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 256:
        raise argparse.ArgumentTypeError(f"expected 1 to 256, found {count}")
    return count
