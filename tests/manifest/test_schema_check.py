"""One row a rule of `$edgeAgent` and `$edgeHub` (spec D.1, C.10, F.5)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_runtime.manifest import load
from tests.manifest.conftest import TEMPLATE, Write, replaced

EYE = '"type": "docker",\n            "status": "running",\n            "restartPolicy": "always",'


@pytest.mark.parametrize(
    ("old", "new", "column", "what", "mend"),
    [
        # $edgeAgent
        ('"schemaVersion": "1.1"', '"schemaVersion": "1.4"', 26, "newer than the newest known", '"1.1"'),
        ('"schemaVersion": "1.1"', '"schemaVersion": "2.0"', 26, "is not a version 1.x", '"1.1"'),
        ('"schemaVersion": "1.1"', '"schemaVersion": 1.1', 26, "'schemaVersion' is no text", '"1.1"'),
        ('"schemaVersion": "1.1",', "", None, "'schemaVersion' is missing", 'write "1.1"'),
        ('"runtime": {\n          "type": "docker"', '"runtime": {\n          "type": "podman"', None,
         "'type' is none of 'docker'", 'write "docker"'),
        ('"edgeHub": {', '"edgeHab": {', 11, "'edgeHab' is not known here", "did you mean 'edgeHub'?"),
        ('"edgeAgent": {"type"', '"edgeAgent": {"status": "running", "type"', 25,
         "'status' is not known here", "remove it"),
        # modules
        ('"eye": {\n            "type": "docker"', '"my eye": {\n            "type": "docker"', 11,
         "the name 'my eye' is not allowed", "letters, digits"),
        ('"status": "running",\n            "restartPolicy": "always",\n            "env"',
         '"status": "started",\n            "restartPolicy": "always",\n            "env"', 23,
         "'status' is none of 'running' or 'stopped'", 'write "running" or "stopped"'),
        ('"restartPolicy": "never"', '"restartPolicy": "sometimes"', None,
         "'restartPolicy' is none of 'never', 'on-failure', 'on-unhealthy' or 'always'", '"on-failure"'),
        ('"restartPolicy": "never", ', "", 20, "'restartPolicy' is missing", '"always"'),
        ('"restartPolicy": "never"', '"restartPolicy": "never", "startupOrder": -1', None,
         "'startupOrder' is below 0", "0 to 4294967295"),
        ('"restartPolicy": "never"', '"restartPolicy": "never", "startupOrder": 4294967296', None,
         "'startupOrder' is above 4294967295", "0 to 4294967295"),
        ('"restartPolicy": "never"', '"restartPolicy": "never", "startupOrder": "1"', None,
         "'startupOrder' is no whole number", "0 to"),
        ('"restartPolicy": "never"', '"restartPolicy": "never", "imagePullPolicy": "always"', None,
         "'imagePullPolicy' is none of 'on-create' or 'never'", '"on-create"'),
        ('"restartPolicy": "never"', '"restartPolicy": "never", "restartpolicy": "never"', None,
         "'restartpolicy' is not known here", "did you mean 'restartPolicy'?"),
        ('"image": "brain:1"', '"image": ""', None, "'image' is empty", "${MODULES.camera}"),
        ('"settings": {"image": "brain:1"}', '"settings": "brain:1"', None, "'settings'", "createOptions"),
        ('{"value": "${RATE}"}', '{"value": [1]}', 39, "the value is no text, number", "number, true or false"),
        ('{"value": "${RATE}"}', '"5"', 29, "'RATE' is no object", '{"NAME": {"value": ...}}'),
        ('"RATE": {"value"', '"RATE 1": {"value"', 21, "the name 'RATE 1' is not allowed", "leave out blanks"),
        ('"createOptions": {"HostConfig": {}}', '"createOptions": {"a": "' + "x" * 4090 + '"}', 32,
         "createOptions has 4098 characters, the most is 4096", "shorten it"),
        ('"createOptions": {"HostConfig": {}}', '"createOptions": "{", "createOptions02": "}"', 56,
         "createOptions02 is there but createOptions01 is not", "without a gap"),
        # $edgeHub
        ('"schemaVersion": "1.2"', '"schemaVersion": "1.9"', 26, "newer than the newest known", '"1.'),
        (',\n        "storeAndForwardConfiguration": {"timeToLiveSecs": 7200}', "", None,
         "'storeAndForwardConfiguration' is missing", '{"timeToLiveSecs": 7200}'),
        ('{"timeToLiveSecs": 7200}', '{"timeToLiveSecs": "7200"}', 60,
         "'timeToLiveSecs' is no whole number", "seconds"),
        ('"priority": 1', '"priority": 10', 25, "'priority' is above 9", "0 (most urgent) to 9"),
        ('"priority": 1', '"priority": -1', 25, "'priority' is below 0", "0 (most urgent) to 9"),
        ('"timeToLiveSecs": 60', '"timeToLiveSecs": -1', 31, "'timeToLiveSecs' is below 0", "seconds"),
        ('"priority": 1', '"prio": 1', 13, "'prio' is not known here", "did you mean 'priority'?"),
        ('"up": "FROM', '"u.p": "FROM', 11, "the name 'u.p' is not allowed", "leave out blanks and . $ #"),
        ('"schemaVersion": "1.2"', '"schemaVersion": "1.0"', None,
         "a route with options needs schemaVersion 1.1", "raise schemaVersion"),
        # whole document
        ('"$edgeHub": {', '"$edgeHob": {', None, "'$edgeHub' with its 'properties.desired' is missing", "add"),
        ('"eye": {"properties.desired": {}}', '"eye": {}, "eye": {}', 16, "'eye' is there twice", "rename"),
    ],
)  # fmt: skip
def test_rules(write: Write, old: str, new: str, column: int | None, what: str, mend: str) -> None:
    template, line = replaced(TEMPLATE, old, new)
    problems = load(write(**{"deployment.template.json": template}), environment={}).problems
    found = [problem for problem in problems if what in problem.what]
    assert found, problems
    assert mend in found[0].mend
    if column is not None:
        assert (found[0].line, found[0].column) == (line, column)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"schemaVersion": "1.2"', '"schemaVersion": "1.1.3"'),
        ('"schemaVersion": "1.2"', '"schemaVersion": "1.3"'),
        ('"minDockerVersion": "v1.25",', '"minDockerVersion": "v1.25", "loggingOptions": "",'),
        ('{"timeToLiveSecs": 7200}', '{"timeToLiveSecs": -1, "storeLimits": {"maxSizeBytes": 1}}'),
        (EYE, EYE + '"version": "1", "imagePullPolicy": "never", "startupOrder": 4294967295,'),
        (
            '"createOptions": {"HostConfig": {}}',
            '"createOptions": "{\\"HostConfig\\":", "createOptions01": "{}}"',
        ),
        ('"createOptions": {"HostConfig": {}}', '"digest": "sha256:0"'),
    ],
)
def test_allowed(write: Write, old: str, new: str) -> None:
    template, _ = replaced(TEMPLATE, old, new)
    assert load(write(**{"deployment.template.json": template}), environment={}).problems == ()


def test_a_layer_carries_no_system_modules(write: Write) -> None:
    agent: dict[str, object] = {"properties.desired.systemModules": {}}
    layer: dict[str, object] = {"content": {"modulesContent": {"$edgeAgent": agent}}}
    text = json.dumps(layer, indent=1)
    (problem,) = load(write(**{"deployment.template.json": text}), environment={}).problems
    assert (problem.line, problem.what) == (5, "a layered deployment carries systemModules")


def test_an_object_is_legal_in_a_template_only(write: Write, tmp_path: Path) -> None:
    generated = tmp_path / "config" / "deployment.amd64.json"
    template = load(write(), environment={})
    generated.parent.mkdir()
    generated.write_text(template.text().replace('"{\\"HostConfig\\":{}}"', "{}"))
    (problem,) = load(generated, environment={}).problems
    assert problem.what == "createOptions is an object, which only a template may hold"
    assert problem.line == generated.read_text().split('"createOptions": {}')[0].count("\n") + 1
