"""Whom a request was meant for, by its Host header."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_foreign(host: str, gateway: str) -> bool:
    """Whether a Host header is a name of the Internet's.

    A page whose name was made to lead here would have the browser read for it what needs no token. Names
    without a dot, as containers have them, and addresses cannot be made so.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if "." in name and name.casefold() != gateway.casefold():
            ipaddress.ip_address(name)
    except ValueError:
        return True
    return False
