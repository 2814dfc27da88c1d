from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_runtime.manifest import ManifestError, Severity, load
from edge_runtime.manifest.check import check
from edge_runtime.manifest.check_command import main
from tests.manifest.conftest import DOCKERFILE, ENV, MODULE_JSON, TEMPLATE, Write, replaced

UP = '"FROM /messages/modules/eye/outputs/* WHERE $body.n > 1 INTO $upstream"'
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def test_a_right_solution_has_no_findings(write: Write) -> None:
    assert check(load(write(), environment={})) == []


@pytest.mark.parametrize(
    ("old", "new", "severity", "at", "what", "mend"),
    [
        # the language: the column is that of the place inside the route
        ("> 1 INTO", "> INTO", ERROR, "INTO", "route 'up'", ""),
        ("INTO $upstream", "INTO $upstraem", ERROR, "$upstraem", "route 'up'", ""),
        ("eye/* INTO", "eye/* WHERE n > INTO", ERROR, "INTO", "route 'think'", ""),
        # modules that are not there
        ("modules/eye/outputs/*", "modules/eya/outputs/*", ERROR, "eya/",
         "its source names the module 'eya', which is not deployed", "did you mean 'eye'?"),
        ("/modules/brain/inputs/in", "/modules/bran/inputs/in", ERROR, "bran/",
         "its sink names the module 'bran', which is not deployed", "did you mean 'brain'?"),
        ("/modules/brain/inputs/in", "/modules/xyz/inputs/in", ERROR, "xyz/",
         "its sink names the module 'xyz', which is not deployed", "there are: eye, brain"),
        ("/modules/brain/inputs/in", "/modules/Brain/inputs/in", ERROR, "Brain/",
         "its sink names the module 'Brain'", "did you mean 'brain'?"),  # a sink minds the case
        ('"eye": {"properties.desired"', '"eya": {"properties.desired"', WARNING, '"eya"',
         "desired properties of 'eya', which is not deployed", "remove them"),
        # secrets and credentials
        ('"$SECRET"', '"hunter2"', ERROR, '"hunter2"', "the registry's password is written out",
         "$CONTAINER_REGISTRY_PASSWORD"),
        ('"$USER_NAME"', '" "', ERROR, '" "', "the registry's username is blank", "any value"),
        ('"${RATE}"', '"HostName=h;DeviceId=d;SharedAccessKey=abc"', ERROR, "SharedAccessKey=",
         "a shared access key is written out", ".env"),
        ('"${RATE}"', '"rtsp://me:word@host/1"', ERROR, "://me:", "a url with its password is written out", "${NAME}"),
        # what the agent or the hub makes of it
        ('"RATE": {"value"', '"IOTEDGE_MODULEID": {"value"', WARNING, '"IOTEDGE_', "set by the agent", "remove it"),
        ('"timeToLiveSecs": 7200', '"timeToLiveSecs": 0', WARNING, "0}", "every message expires at once", "-1"),
        # IoT Hub's limits
        ('"properties.desired": {}}', '"properties.desired": {"a": "' + "x" * 4097 + '"}}', ERROR, '"xxx',
         "'a' has more than 4096 bytes", "shorten"),
        ('"properties.desired": {}}', '"properties.desired": {"' + "x" * 1025 + '": 1}}', ERROR, '"xxx',
         "a property's name has more than 1024 bytes", "shorten"),
        ('"properties.desired": {}}', '"properties.desired": ' + '{"a": ' * 11 + "1" + "}" * 12, ERROR, '{"a": 1',
         "nested deeper than 10 levels", "flatten"),
        ('"properties.desired": {}}',
         '"properties.desired": {' + ", ".join(f'"a{i}": "{"x" * 4000}"' for i in range(9)) + "}}", ERROR, '{"a0"',
         "IoT Hub takes 32768", "shorten"),
    ],
)  # fmt: skip
def test_findings(
    write: Write, old: str, new: str, severity: Severity, at: str, what: str, mend: str
) -> None:
    template, line = replaced(TEMPLATE, old, new)
    problems = check(load(write(**{"deployment.template.json": template}), environment={}))
    found = [problem for problem in problems if what in problem.what]
    assert found, problems
    assert mend in found[0].mend
    assert (found[0].severity, found[0].file.name, found[0].line) == (
        severity,
        "deployment.template.json",
        line,
    )
    assert template.splitlines()[line - 1][found[0].column - 1 :].startswith(at)
    assert "hunter2" not in str(problems)


def test_the_column_counts_escapes_and_variables_in_a_route(write: Write) -> None:
    route = '"FROM /messages/* WHERE \\"\\u0041\\" = \'${RATE}\' AND INTO $upstream"'
    template, line = replaced(TEMPLATE, UP, route)
    (problem,) = check(
        load(write(**{"deployment.template.json": template}), environment={"RATE": "a long value"})
    )
    assert problem.line == line
    before = template.splitlines()[line - 1][: problem.column - 1]
    assert before.endswith("AND ")


def test_too_many_modules(write: Write) -> None:
    spec = (
        '{"type": "docker", "status": "running", "restartPolicy": "never", "settings": {"image": "brain:1"}}'
    )
    many = ",\n".join(f'"m{i}": {spec}' for i in range(49))
    template, line = replaced(TEMPLATE, '"brain": {"type"', many + ',\n"brain": {"type"')
    (problem,) = check(load(write(**{"deployment.template.json": template}), environment={}))
    assert problem.what == "51 modules, a deployment may have 50"
    assert problem.line == TEMPLATE[: TEMPLATE.index('"modules": {')].count("\n") + 1 < line


def test_a_dockerfile_that_no_process_can_start_from(write: Write) -> None:
    text, line = replaced(DOCKERFILE, 'CMD ["python3", "-m", "eye"]', "CMD python3 -m eye")
    manifest = load(write(**{"modules/eye/Dockerfile.amd64": text}), environment={})
    (problem,) = check(manifest)
    assert (problem.file.name, problem.line) == ("Dockerfile.amd64", line)
    assert problem.what == "CMD in shell form needs a shell"


def test_a_manifest_older_than_the_sources_is_told(write: Write, tmp_path: Path) -> None:
    generated = tmp_path / "config" / "deployment.amd64.json"
    generated.parent.mkdir()
    generated.write_text(load(write(), environment={}).text())
    write(**{"modules/eye/module.json": MODULE_JSON.replace("1.0.0", "1.1.0")})
    (problem,) = check(load(generated, environment={}))
    assert problem.severity is Severity.WARNING
    assert problem.what == (
        "eye: the manifest names 127.0.0.1:5000/eye:1.0.0-amd64, the sources are 127.0.0.1:5000/eye:1.1.0-amd64"
    )
    assert '"image"' in generated.read_text().splitlines()[problem.line - 1]


def test_a_layer_may_name_modules_of_its_base(write: Write) -> None:
    route = "FROM /messages/modules/other/* INTO $upstream"
    layer = {"content": {"modulesContent": {"$edgeHub": {"properties.desired.routes.r": route}}}}
    assert check(load(write(**{"deployment.template.json": json.dumps(layer)}), environment={})) == []


@pytest.fixture(autouse=True)
def _no_variables_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RATE", "REGISTRY", "SECRET", "USER_NAME", "DEFAULT_PLATFORM", "CONTAINER_TAG"):
        monkeypatch.delenv(name, raising=False)


def test_command_exits_0_on_a_right_solution(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(write())]) == 0
    assert capsys.readouterr().out == "no problems (2 modules, platform amd64)\n"


def test_command_exits_0_with_warnings_alone(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    template, line = replaced(TEMPLATE, '"timeToLiveSecs": 7200', '"timeToLiveSecs": 0')
    assert main([str(write(**{"deployment.template.json": template}))]) == 0
    assert f"{line}:60: warning: with timeToLiveSecs 0" in capsys.readouterr().out


def test_command_fails_with_warnings_when_strict(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    template, _ = replaced(TEMPLATE, '"timeToLiveSecs": 7200', '"timeToLiveSecs": 0')
    assert main([str(write(**{"deployment.template.json": template})), "--strict"]) == 1
    assert "1 warning (2 modules" in capsys.readouterr().out
    assert main([str(write()), "--strict"]) == 0


def test_command_checks_the_templates_of_the_folder(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, line = replaced(TEMPLATE, "INTO $upstream", "INTO $upstraem")
    monkeypatch.chdir(write(**{"deployment.debug.template.json": broken}).parent)
    assert main([]) == 1
    first, *_, debug, release = capsys.readouterr().out.splitlines()
    assert first.startswith(f"deployment.debug.template.json:{line}:")
    assert debug == "deployment.debug.template.json: 1 error (2 modules, platform amd64)"
    assert release == "deployment.template.json: no problems (2 modules, platform amd64)"


def test_the_worst_file_gives_the_exit_code(write: Write, tmp_path: Path) -> None:
    assert main([str(write()), str(tmp_path / "none.json")]) == 2


def test_command_needs_a_file_where_no_template_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([]) == 2
    assert "name the files to check" in capsys.readouterr().err


def test_the_two_tools_differ_only_where_a_variable_is_used(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(**{".env": ENV + "UNUSED=1\n"})
    monkeypatch.setenv("UNUSED", "2")
    monkeypatch.setenv("USER_NAME", "anonymous")  # the same value
    assert main([str(file), "--strict"]) == 0
    monkeypatch.setenv("REGISTRY", "elsewhere:5000")  # of module.json too
    assert main([str(file), "--strict"]) == 1
    assert ".env:1:1: warning: the environment gives REGISTRY another value" in capsys.readouterr().out


def test_command_prints_place_and_mend_and_exits_1(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    template, line = replaced(TEMPLATE, "modules/eye/outputs/*", "modules/eya/outputs/*")
    file = write(**{"deployment.template.json": template})
    monkeypatch.chdir(file.parent)
    assert main([str(file)]) == 1
    assert capsys.readouterr().out == (
        f"deployment.template.json:{line}:41: error: route 'up': its source names the module 'eya', "
        "which is not deployed\n"
        "    why: no message comes from there, or the messages wait until they expire [route-unknown-module]\n"
        "    mend: did you mean 'eye'?\n1 error (2 modules, platform amd64)\n"
    )


def test_command_exits_2_without_a_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json")]) == 2
    assert "none.json:1:1: error: cannot be read: No such file" in capsys.readouterr().out


def test_command_takes_variables_and_platform(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(**{"prod.env": ENV.replace("RATE=5\n", "")})
    arguments = [str(file), "--env-file", str(file.parent / "prod.env"), "--platform", "arm32v7", "--json"]
    assert main(arguments) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [(p["line"], p["what"]) for p in problems] == [
        (28, "the variable ${RATE} has no value"),
        (30, f"${{MODULES.eye}}: {file.parent / 'modules/eye/module.json'} has no platform 'arm32v7'"),
    ]
    assert set(problems[0]) == {"rule", "severity", "file", "line", "column", "what", "why", "mend"}


def test_command_refuses_a_missing_env_file(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(write()), "--env-file", "/nowhere/x.env"]) == 2
    assert "x.env:1:1: error: cannot be read" in capsys.readouterr().out


def test_strict_loading_stops_at_errors_not_at_warnings(write: Write) -> None:
    template, _ = replaced(TEMPLATE, "${RATE}", "${NONE}")
    with pytest.raises(ManifestError, match="NONE"):
        load(write(**{"deployment.template.json": template}), environment={}, strict=True)
    assert load(write(), environment={}, strict=True).problems == ()
