"""The runtime's version, as `$edgeAgent` and `$edgeHub` report it."""

VERSION = "0.1.0"
