"""The `docker` engine: a module is a container of its own image, on a real Docker engine.

`site.open_site(owner)` finds the engine and makes the device's network; `engine.DockerEngine` runs modules there.
The Docker SDK is imported by `connection` alone, and that by whoever asks for this engine.
"""
