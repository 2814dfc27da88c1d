from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_runtime.manifest import ManifestError, Severity, load
from tests.manifest.conftest import MODULE_JSON, TEMPLATE, Write, replaced

SOLUTION = Path(__file__).parent / "solution"
REPOSITORY = Path(__file__).parents[2]


def test_generates_what_iotedgedev_generates_byte_for_byte() -> None:
    """The golden file was written by iotedgedev 3.3.9 (`DOTENV_FILE=settings.env iotedgedev genconfig`)."""
    manifest = load(SOLUTION / "deployment.template.json", environment={}, env_file=SOLUTION / "settings.env")
    golden = SOLUTION / "generated.by-iotedgedev-3.3.9.json"
    assert manifest.text() == golden.read_text(encoding="utf-8")
    assert [(p.line, p.column, p.what) for p in manifest.problems] == [
        (177, 24, "the variable ${UNKNOWN} has no value")
    ]


def test_reads_a_generated_manifest_like_its_template(write: Write, tmp_path: Path) -> None:
    template = load(write(), environment={})
    generated = tmp_path / "config" / "deployment.amd64.json"
    generated.parent.mkdir()
    generated.write_text(template.text())
    manifest = load(generated, environment={})
    assert manifest.problems == ()
    assert manifest.document == template.document
    assert (manifest.modules, manifest.system_modules) == (template.modules, template.system_modules)
    assert manifest.solution_root == tmp_path
    assert not manifest.is_template


def test_gives_typed_modules(write: Write) -> None:
    manifest = load(write(), environment={"RATE": "30"})
    eye, brain = manifest.modules
    assert (eye.name, eye.image) == ("eye", "127.0.0.1:5000/eye:1.0.0-amd64")
    assert (eye.env, eye.create_options) == ({"RATE": "30"}, {"HostConfig": {}})
    assert (eye.status, eye.restart_policy, eye.startup_order) == ("running", "always", 4294967295)
    assert (brain.restart_policy, brain.image_pull_policy, brain.version) == ("never", "on-create", "")
    assert [spec.name for spec in manifest.system_modules] == ["edgeAgent", "edgeHub"]
    assert "anonymous" not in repr(manifest.modules)


@pytest.mark.parametrize(
    ("value", "text"), [("5", "5"), ("1.5", "1.5"), ("true", "true"), ("null", ""), ('"5"', "5")]
)
def test_environment_values_become_text(write: Write, value: str, text: str) -> None:
    template, _ = replaced(TEMPLATE, '{"value": "${RATE}"}', f'{{"value": {value}}}')
    manifest = load(write(**{"deployment.template.json": template}), environment={})
    assert manifest.modules[0].env == {"RATE": text}


def test_a_missing_variable_is_located_and_has_a_mend(write: Write, tmp_path: Path) -> None:
    template, line = replaced(TEMPLATE, "${RATE}", "${RATTE}")
    manifest = load(write(**{"deployment.template.json": template}), environment={})
    (problem,) = manifest.problems
    assert (problem.file.name, problem.line, problem.column) == ("deployment.template.json", line, 40)
    assert problem.what == "the variable ${RATTE} has no value"
    assert problem.mend == f"set RATTE=... in {tmp_path / '.env'}, or take ${{RATTE}} out"
    assert manifest.modules[0].env == {"RATE": "${RATTE}"}  # as iotedgedev leaves it
    with pytest.raises(ManifestError, match=rf"deployment\.template\.json:{line}:40: the variable"):
        load(write(**{"deployment.template.json": template}), environment={}, strict=True)


def test_a_missing_variable_of_module_json_is_located_there(write: Write) -> None:
    text, line = replaced(MODULE_JSON, "${REGISTRY}", "$REGISTER")
    (problem,) = load(write(**{"modules/eye/module.json": text}), environment={}).problems
    assert (problem.file.name, problem.line, problem.column) == ("module.json", line, 20)
    assert problem.what == "the variable $REGISTER has no value"


def test_a_value_that_breaks_the_json_is_named_but_not_shown(write: Write) -> None:
    with pytest.raises(ManifestError) as caught:
        load(write(), environment={"RATE": 'top"secret'})
    (problem,) = caught.value.problems
    assert problem.line == TEMPLATE[: TEMPLATE.index("${RATE}")].count("\n") + 1
    assert problem.what.startswith("not JSON once RATE is filled in: a comma or '}' is expected")
    assert 'write " as \\"' in problem.mend
    assert "top" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{\n  "modulesContent": {\n  },\n}', 3, "not JSON: a comma stands before '}'"),
        ('{\n  "n": ${N}\n}', 2, "the variable ${N} has no value"),
        ('{"modules": {}}', 1, "no deployment manifest: it has no object 'modulesContent'"),
        ("[]", 1, "no deployment manifest"),
    ],
)
def test_unusable_files(tmp_path: Path, text: str, line: int, what: str) -> None:
    file = tmp_path / "deployment.template.json"
    file.write_text(text)
    with pytest.raises(ManifestError) as caught:
        load(file, environment={})
    problem = caught.value.problems[0]
    assert (problem.file, problem.line, problem.severity) == (file, line, Severity.ERROR)
    assert problem.what.startswith(what)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere\.json:1:1: cannot be read: No such file"):
        load(tmp_path / "nowhere.json", environment={})


LAYER = {
    "content": {
        "modulesContent": {
            "$edgeAgent": {
                "properties.desired.modules.eye": {
                    "type": "docker",
                    "status": "running",
                    "restartPolicy": "always",
                    "settings": {"image": "${MODULES.eye}", "createOptions": {"a": 1}},
                },
                "properties.desired.modules.eye.env": {"A": {"value": "1"}},
            },
            "$edgeHub": {"properties.desired.routes.up": "FROM /messages/* INTO $upstream"},
        }
    }
}


def test_a_layered_deployment_uses_dotted_names(write: Write) -> None:
    manifest = load(write(**{"deployment.template.json": json.dumps(LAYER)}), environment={})
    assert manifest.layered
    assert manifest.problems == ()
    (eye,) = manifest.modules
    assert (eye.image, eye.env) == ("127.0.0.1:5000/eye:1.0.0-amd64", {"A": "1"})
    written = manifest.modules_content["$edgeAgent"]["properties.desired.modules.eye"]
    assert written["settings"] == {"image": "127.0.0.1:5000/eye:1.0.0-amd64", "createOptions": '{"a":1}'}
    assert "env" not in written


def test_the_legacy_name_is_read_and_written_anew(write: Write) -> None:
    template = TEMPLATE.replace('"modulesContent"', '"moduleContent"')
    manifest = load(write(**{"deployment.template.json": template}), environment={})
    assert list(manifest.document) == ["modulesContent"]
    assert manifest.problems == ()


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        *(("deployment.template.json", platform) for platform in ("amd64", "arm32v7", "arm64v8")),
        ("deployment.debug.template.json", "amd64"),  # the one architecture that is debugged in containers
    ],
)
def test_the_solution_s_own_templates_are_sound(name: str, platform: str) -> None:
    """With the template of `.env`, which is what `cp .env.template .env` gives."""
    manifest = load(
        REPOSITORY / name, environment={}, platform=platform, env_file=REPOSITORY / ".env.template"
    )
    assert manifest.problems == ()
    suffix = f"{platform}.debug" if "debug" in name else platform
    assert [spec.image.rpartition("-")[2] for spec in manifest.modules] == [suffix] * 3
    assert {spec.name for spec in manifest.modules} == {"camera", "classifier", "results_filter"}
    for spec in manifest.modules:
        source = manifest.find_source(spec.image)
        assert source is not None
        assert source.folder.name == spec.name
        assert source.context == REPOSITORY
