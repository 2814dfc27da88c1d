"""The live page of one device: static files and an HTTP API (docs/page.md). A client of the runtime's public APIs."""
