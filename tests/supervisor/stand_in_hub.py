"""A hub process for fault injection: speaks the control API, and fails the way its mode says.

usage: stand_in_hub.py MODE hub --config FILE (as the supervisor calls the real one)
modes: good; port_taken (exit 3); dies (exit 1 before it is ready); refuses (400 to the configuration);
mute (never ready); dies_after_ready
"""

from __future__ import annotations

import copy
import json
import os
import signal
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

MODE = sys.argv[1]
CONFIG = json.loads(Path(sys.argv[-1]).read_text())
SOCKETS = Path(CONFIG["sockets"])
TWINS_FILE = Path(CONFIG["state"]) / "stand_in_twins.json"
LOCK = threading.Lock()
TWINS: dict[str, Any] = json.loads(TWINS_FILE.read_text()) if TWINS_FILE.exists() else {}


class Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        content = self._body()["modulesContent"]
        if MODE == "refuses":
            self._answer(400, {"message": "routes.broken: line 1, column 6: nothing follows FROM"})
            return
        agent = content["$edgeAgent"]["properties.desired"]
        with LOCK:
            for name, section in content.items():
                twin = _twin(name)
                desired = {**section["properties.desired"], "$version": twin["desired"]["$version"]}
                if twin["desired"] != desired:
                    twin["desired"] = {**desired, "$version": desired["$version"] + 1}
            _save()
        modules = {
            name: {"generationId": f"g-{name}", "workloadUri": f"unix://{SOCKETS}/{name}.sock"}
            for name in agent["modules"]
        }
        self._answer(200, {"modules": modules})

    def do_GET(self) -> None:
        with LOCK:
            twin = copy.deepcopy(_twin(self._module()))
        self._answer(200, twin)

    def do_PATCH(self) -> None:
        patch = self._body()
        with LOCK:
            section = _twin(self._module())[self.path.rpartition("/")[2]]
            _merge(section, patch)
            section["$version"] += 1
            version = section["$version"]
            _save()
        self._answer(200, {"version": version})

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *args: Any) -> None:
        return

    def _module(self) -> str:
        return self.path.split("/")[2].replace("%24", "$")

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, document: Any) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _twin(name: str) -> dict[str, Any]:
    twin: dict[str, Any] = TWINS.setdefault(name, {"desired": {"$version": 1}, "reported": {"$version": 1}})
    return twin


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _merge(into: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _save() -> None:
    draft = TWINS_FILE.with_suffix(".tmp")
    draft.write_text(json.dumps(TWINS))
    draft.replace(TWINS_FILE)


def main() -> None:
    if MODE == "port_taken":
        say("127.0.0.9:8883 is taken by another process; give this device another --address")
        sys.exit(3)
    if MODE == "dies":
        say("the store cannot be opened")
        sys.exit(1)
    path = SOCKETS / "control.sock"
    path.unlink(missing_ok=True)
    server = Server(str(path), Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if MODE != "mute":
        say('ready {"observer": "http://127.0.0.1:5000"}')
    if MODE == "dies_after_ready":
        threading.Event().wait(0.5)
        os._exit(7)
    threading.Event().wait()


main()
