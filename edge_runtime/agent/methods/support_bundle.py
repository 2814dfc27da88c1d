"""The support bundle: the logs of a device and what it reports, in one zip."""

from __future__ import annotations

import io
import json
import os
import platform
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from edge_runtime.agent.methods.arguments import BundleRequest, LogFilter
from edge_runtime.agent.methods.errors import MethodError
from edge_runtime.agent.methods.log_store import LogStore


def make(store: LogStore, names: list[str], request: BundleRequest, reported: Mapping[str, Any]) -> bytes:
    """The zip: `logs/NAME_log.txt`, `edgeAgent_reported.json`, `machine.json`. Blocks.

    A log that cannot be read is in it with the reason in its place. `reported` holds no secrets; what modules
    write into their logs is theirs.
    """
    wanted = LogFilter.model_construct(
        tail=None, since=request.since, until=request.until, loglevel=None, regex=None
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("edgeAgent_reported.json", _json(reported))
        bundle.writestr("machine.json", _json(_machine()))
        for name in store.system_names if request.edge_runtime_only else names:
            bundle.writestr(f"logs/{name}_log.txt", _log(store, name, wanted))
    return packed.getvalue()


def _log(store: LogStore, name: str, wanted: LogFilter) -> str:
    try:
        return "".join(f"{record.line}\n" for record in store.read(name, wanted))
    except MethodError as error:
        return f"{error}\n"


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(),
        "system": " ".join(os.uname()[i] for i in (0, 2, 3, 4)),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "loadAverage": os.getloadavg(),
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
