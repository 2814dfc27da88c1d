"""Rules for what is secret, and for what changes while the service runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from targets.kubernetes.documents import Documents, name_of, of_kind, pods

_SECRET_NAME = re.compile(r"KEY|SECRET|PASSWORD|TOKEN|CREDENTIAL|CONNECTION_?STRING", re.IGNORECASE)
_NOT_SECRET = re.compile(r"_(FILE|DIR|DIRECTORY|PATH)$")


def no_secret_value(documents: Documents) -> Iterator[str]:
    """Secrets come by reference: a manifest is in git, in the cluster's history and in the logs of an apply."""
    for secret in of_kind(documents, "Secret"):
        yield f"{name_of(secret)}: a Secret among the manifests: make it in the cluster, and only name it here"
    for pod in pods(documents):
        for where, container in pod.containers():
            for variable in container.get("env", ()):
                name = variable["name"]
                if variable.get("value") and _SECRET_NAME.search(name) and not _NOT_SECRET.search(name):
                    yield f"{where}: {name} has its value in the manifest: mount a Secret"
    for table in of_kind(documents, "ConfigMap"):
        for key in table.get("data", {}):
            if _SECRET_NAME.search(key):
                yield f"{name_of(table)}: {key} sounds secret: a ConfigMap is readable for everyone in the namespace"


def live_configuration(documents: Documents) -> Iterator[str]:
    """Keys and the flight plan change without a restart: the kubelet renews no file that is mounted by subPath."""
    for pod in pods(documents):
        live = {
            volume["name"]
            for volume in pod.spec.get("volumes", ())
            if {"secret", "configMap"} & volume.keys()
        }
        for where, container in pod.containers():
            for mount in container.get("volumeMounts", ()):
                if mount["name"] in live and ("subPath" in mount or "subPathExpr" in mount):
                    yield f"{where}: {mount['mountPath']} is mounted by subPath: mount the folder"
                if mount["name"] in live and mount.get("readOnly") is not True:
                    yield f"{where}: {mount['mountPath']} must be readOnly"
