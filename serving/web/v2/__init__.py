"""The Open Inference Protocol, version 2, over HTTP, with its binary tensor extension."""
