"""Why an RTSP stream cannot be opened, in words; FFmpeg's own are lost within OpenCV."""

from __future__ import annotations

import re
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

TIMEOUT_S = 1.5
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322}
_MEANINGS = {
    401: "the server wants a user name and a password",
    403: "the server forbids this stream",
    404: "the server knows no stream of this path",
    453: "the server has no bandwidth left",
    503: "the server is overloaded",
}


def why_not(url: str) -> str:
    """Ask the server once, without credentials, and say what its answer means."""
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 554)
    try:
        status = _describe(parts, port)
    except (TimeoutError, ssl.SSLError):
        return f"the server on port {port} does not answer"
    except OSError as error:
        return f"no connection to port {port}: {error.strerror or error}"
    if status == 401 and parts.username is not None:
        return "the server refused the user name or the password"
    if status == 200:
        return "the server answers, but gives no picture that can be decoded"
    return _MEANINGS.get(status, f"the server answered with RTSP status {status or 'unknown'}")


def _describe(parts: SplitResult, port: int) -> int:
    host = parts.hostname or ""
    target = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    with socket.create_connection((host, port), timeout=TIMEOUT_S) as plain:
        connection = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            if (parts.scheme == "rtsps")
            else plain
        )
        request = f"DESCRIBE {target} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
        connection.sendall(request.encode())
        answer = connection.recv(256)
    found = re.match(rb"RTSP/1\.\d (\d{3})", answer)
    return int(found[1]) if found else 0
