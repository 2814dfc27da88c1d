"""The `az` command of docs/targets.md asks Azure for what `targets/arc` asks Flux for."""

from __future__ import annotations

import re
import shlex

from targets.kubernetes.documents import Document
from tests.targets.kubernetes.manifests import ROOT, checked, needs_kubectl


def options() -> dict[str, str]:
    text = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.search(r"^az k8s-configuration flux create (.*)$", text, re.MULTILINE)
    assert found
    before, _, kustomization = found[1].partition("--kustomization ")
    words = shlex.split(before)
    named = dict(zip(words[::2], words[1::2], strict=True))
    return named | dict(word.split("=", 1) for word in shlex.split(kustomization))


def test_the_command_says_what_the_bundle_says() -> None:
    needs_kubectl()
    (folder,) = checked(ROOT / "targets" / "arc" / "overlays" / "prod")
    objects: dict[str, Document] = {one["kind"]: one for one in folder["objects"]}
    source, kustomization = objects["GitRepository"], objects["Kustomization"]
    expected = {
        "--cluster-type": "connectedClusters",
        "--kind": "git",
        "--scope": "cluster",
        "--name": source["metadata"]["name"],
        "--namespace": source["metadata"]["namespace"],
        "--url": source["spec"]["url"],
        "--semver": source["spec"]["ref"]["semver"],
        "--interval": source["spec"]["interval"],
        "--timeout": source["spec"]["timeout"],
        "--local-auth-ref": source["spec"]["secretRef"]["name"],
        "name": kustomization["metadata"]["name"],
        "path": kustomization["spec"]["path"],
        "prune": "true",
        "sync_interval": kustomization["spec"]["interval"],
        "retry_interval": kustomization["spec"]["retryInterval"],
        "timeout": kustomization["spec"]["timeout"],
    }
    found = options()
    assert {name: found.get(name) for name in expected} == expected
    assert found.keys() - expected.keys() == {"--resource-group", "--cluster-name"}
