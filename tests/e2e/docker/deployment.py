"""Deployments of containers, as a tool would generate them."""

from __future__ import annotations

import json
from typing import Any


def module(image: str, options: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """A module; `options` are its createOptions, `settings` go beside its image's."""
    return {
        "version": "1.0",
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "imagePullPolicy": "never",
        "settings": {"image": image, "createOptions": json.dumps(options or {})},
    } | settings


def deployment(
    modules: dict[str, Any], routes: dict[str, str], credentials: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The manifest."""
    system: dict[str, Any] = {
        name: {"type": "docker", "settings": {"image": f"{name.lower()}:1.5", "createOptions": "{}"}}
        for name in ("edgeAgent", "edgeHub")
    }
    system["edgeHub"] |= {"status": "running", "restartPolicy": "always"}
    agent = {
        "schemaVersion": "1.1",
        "runtime": {
            "type": "docker",
            "settings": {"minDockerVersion": "v1.25", "registryCredentials": credentials or {}},
        },
        "systemModules": system,
        "modules": modules,
    }
    hub = {
        "schemaVersion": "1.2",
        "routes": {name: {"route": text} for name, text in routes.items()},
        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
    }
    return {
        "modulesContent": {
            "$edgeAgent": {"properties.desired": agent},
            "$edgeHub": {"properties.desired": hub},
        }
    }
