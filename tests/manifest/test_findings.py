"""Every rule of the doctor finds what breaks it, where it stands; and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_runtime.manifest import ManifestError, Problem, load, route_rules, rules
from edge_runtime.manifest.check import check
from edge_runtime.manifest.check_command import main
from edge_runtime.manifest.problem import Rule
from edge_runtime.manifest.rule_table import RULES
from edge_runtime.manifest.tool_differences import check_tool_differences
from tests.manifest.conftest import ENV, TEMPLATE, Write, replaced
from tests.manifest.examples import EXAMPLES, GENERATED_FILE, OPTIONS, TEMPLATE_FILE, Example

ROOT = Path(__file__).parents[2]
SAME_PORT_TWICE = '{"1/tcp": [{"HostPort": "8"}], "1/udp": [{"HostPort": "8"}]}'  # of two protocols
SOLUTION = Path(__file__).parent / "solution"
GENERATED = (SOLUTION / "generated.by-iotedgedev-3.3.9.json").read_text(encoding="utf-8")


def examine(file: Path, environment: dict[str, str]) -> list[Problem]:
    try:
        manifest = load(file, environment=environment)
    except ManifestError as error:
        return [*error.problems]
    return [*check(manifest), *check_tool_differences(manifest)]


def changed(example: Example, text: str) -> str:
    for old, new in ((example.old, example.new), *example.more):
        text, _ = replaced(text, old, new)
    return text


def broken(example: Example, write: Write, tmp_path: Path) -> Path:
    """Write the solution of an example; the file to check."""
    template = write(**example.files)
    if example.kind == "generated":
        file = tmp_path / GENERATED_FILE
        file.parent.mkdir()
        file.write_text(changed(example, load(template, environment={}).text()), encoding="utf-8")
        return file
    place = tmp_path / example.file
    place.write_text(changed(example, place.read_text(encoding="utf-8")), encoding="utf-8")
    return template


def pointed_at(problem: Problem) -> str:
    """The text from the place of a finding on."""
    lines = problem.file.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join([lines[problem.line - 1][problem.column - 1 :], *lines[problem.line :]])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.rule}-{e.at[:12]!r}")
def test_what_breaks_a_rule_is_found_where_it_stands(example: Example, write: Write, tmp_path: Path) -> None:
    problems = examine(broken(example, write, tmp_path), example.environment)
    assert {problem.rule.id for problem in problems} == {example.rule, *example.also}
    found = next(problem for problem in problems if problem.rule.id == example.rule)
    assert pointed_at(found).startswith(example.at)
    assert found.file == tmp_path / (example.found_in or found.file.relative_to(tmp_path))
    assert found.what
    assert found.mend
    assert "hunter2" not in "".join(map(str, problems))


def test_every_rule_has_an_example() -> None:
    assert {example.rule for example in EXAMPLES} | {"file-unreadable"} == set(RULES)


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / TEMPLATE_FILE
    file.write_bytes(b"\xff{}")
    (problem,) = examine(file, {})
    assert (problem.rule.id, problem.line, problem.what) == ("file-unreadable", 1, "is not UTF-8 text")


def test_every_rule_is_used_and_told_in_full() -> None:
    folder = ROOT / "edge_runtime/manifest"
    used = {
        (node.value.id, node.attr)
        for file in folder.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    named = {
        (module.__name__.rpartition(".")[2], name): rule
        for module in (rules, route_rules)
        for name, rule in vars(module).items()
        if isinstance(rule, Rule)
    }
    assert set(named) <= used
    assert len({rule.id for rule in named.values()}) == len(named) == len(RULES)
    for (_, name), rule in named.items():
        assert rule.id == name.lower().replace("_", "-")
        assert all((rule.finds, rule.why, rule.mend))


# --- no false alarms ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        *(("deployment.template.json", platform) for platform in ("amd64", "arm32v7", "arm64v8")),
        ("deployment.debug.template.json", "amd64"),
    ],
)
def test_the_project_s_own_templates_are_clean(name: str, platform: str) -> None:
    manifest = load(ROOT / name, environment={}, env_file=ROOT / ".env.template", platform=platform)
    assert [*check(manifest), *check_tool_differences(manifest)] == []


def test_the_example_solution_has_its_three_known_findings_and_no_other(tmp_path: Path) -> None:
    """An untagged image, a route that a wider and more urgent one decides for, a variable without a value."""
    template = load(SOLUTION / "deployment.template.json", environment={}, env_file=SOLUTION / "settings.env")
    generated = load(SOLUTION / "generated.by-iotedgedev-3.3.9.json", environment={})
    assert [p.rule.id for p in check(template)] == ["image-tag-moves", "route-shadowed", "variable-undefined"]
    assert [p.rule.id for p in check(generated)] == ["image-tag-moves", "route-shadowed", "variable-left"]
    assert [pointed_at(p)[:10] for p in check(template)] == ['"nginx",\n ', "FROM /mess", "${UNKNOWN}"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # what looks like a finding and is none
        ("outputs/* WHERE $body.n > 1", "outputs WHERE a = 'x' /* a note */"),
        ("WHERE $body.n > 1", "WHERE $messageId = 'm' AND $cid <> 'c'"),
        ("WHERE $body.n > 1", "WHERE a = 'x' OR a = 'y'"),
        ("WHERE $body.n > 1", "WHERE a-b = 'x' AND 1 < 2"),
        ("FROM /messages/modules/eye/outputs/*", "FROM /twinChangeNotifications/*"),
        ("outputs/* WHERE", "outputs/SEEN WHERE"),  # sources match in any case
        ("FROM /messages/modules/eye/* INTO", "FROM /messages/* WHERE a = 'b' INTO"),
        ('"image": "brain:1"', f'"image": "h:5000/a/brain_b@sha256:{"0" * 64}"'),
        (OPTIONS, '"createOptions": {"HostConfig": {"PortBindings": ' + SAME_PORT_TWICE + "}}"),
        ('"properties.desired": {}}', '"properties.desired": {"tokenFile": "/run/token", "a": [1, {"b": 2}]}}'),
        ('"RATE": {"value": "${RATE}"}', '"TOKEN": {"value": "${RATE}"}'),
        ('"RATE": {"value": "${RATE}"}', '"KEY": {"value": "HostName=h;SharedAccessKey=${RATE}"}'),
        ('"$schema-template": "4.0.0"', '"$schema-template": "0.0.1"'),
    ],
)  # fmt: skip
def test_no_false_alarm(write: Write, old: str, new: str) -> None:
    template, _ = replaced(TEMPLATE, old, new)
    assert examine(write(**{TEMPLATE_FILE: template}), {}) == []


def test_a_module_without_sources_may_have_any_output(write: Write) -> None:
    route = "FROM /messages/modules/brain/outputs/idea WHERE $body.n = 1 INTO $upstream"
    template, _ = replaced(TEMPLATE, '"up": "', f'"idea": "{route}", "up": "')
    assert examine(write(**{TEMPLATE_FILE: template}), {}) == []


def test_a_value_written_for_json_is_left_alone(write: Write) -> None:
    env = ENV.replace("RATE=5", r"RATE='say \"five\" \\\\'")
    manifest = load(write(**{".env": env}), environment={})
    assert manifest.modules[0].env == {"RATE": 'say "five" \\'}
    assert check(manifest) == []


# --- places -------------------------------------------------------------------------------------------

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
MOVABLE = [
    e for e in EXAMPLES if e.kind == "template" and e.file == TEMPLATE_FILE and not e.found_in and not e.files
]


def tokens_of(text: str) -> Iterator[re.Match[str]]:
    return TOKEN.finditer(text)


def laid_out(text: str, blanks: list[str]) -> tuple[str, dict[int, int]]:
    """The same JSON with other white space, and the new offset of each token by its old one."""
    parts, moved, length = [], {}, 0
    for number, token in enumerate(tokens_of(text)):
        blank = blanks[number % len(blanks)]
        moved[token.start()] = length + len(blank)
        parts.append(blank + token[0])
        length += len(parts[-1])
    return "".join(parts), moved


def offset(text: str, problem: Problem) -> int:
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    example=st.sampled_from(MOVABLE),
    blanks=st.lists(st.sampled_from(["", " ", "\n", "\n\n  ", "\t", " \r\n"]), min_size=1, max_size=40),
)
def test_a_finding_moves_with_the_text_that_it_names(
    write: Write, tmp_path: Path, example: Example, blanks: list[str]
) -> None:
    file = write()
    text = changed(example, TEMPLATE)
    file.write_bytes(text.encode())
    before = examine(file, example.environment)
    other, moved = laid_out(text, blanks)
    file.write_bytes(other.encode())
    after = examine(file, example.environment)

    def place(problem: Problem) -> int:
        old = offset(text, problem)
        token = max(start for start in moved if start <= old)
        return moved[token] + old - token

    expected = sorted((p.rule.id, place(p), p.what) for p in before)
    assert sorted((p.rule.id, offset(other, p), p.what) for p in after) == expected


# --- the page -----------------------------------------------------------------------------------------


def test_the_page_has_the_table_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rules"]) == 0
    table = capsys.readouterr().out
    assert table.count("\n") == len(RULES) + 2
    assert (ROOT / "docs/doctor.md").read_text(encoding="utf-8").endswith(f"-->\n\n{table}")


# --- any document -------------------------------------------------------------------------------------

ODD = st.sampled_from(
    [
        *("null", "0", "-1", "1.5", "true", "[]", "[null]", "{}", '{"": {}}', '{"a": [{}]}', '"{}"', '""'),
        *('"x"', '"${MODULES.eye}"', '{"HostConfig": []}', '"FROM /* WHERE INTO"', '"\\ud800"'),
        '{"PortBindings": {"1": [null, {"HostPort": 5}]}}',
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 200), ODD), min_size=1, max_size=3), template=st.booleans())
def test_no_document_is_too_odd(
    write: Write, tmp_path: Path, places: list[tuple[int, str]], template: bool
) -> None:
    """Whatever stands in place of a value, the doctor answers, with places that are in the file."""
    text = TEMPLATE if template else GENERATED
    for number, odd in places:
        values = list(re.finditer(r'(?<=: )(?:"(?:[^"\\]|\\.)*"|[\w.]+|\{\})', text))
        value = values[number % len(values)]
        text = text[: value.start()] + odd + text[value.end() :]
    file = write(**{TEMPLATE_FILE if template else "deployment.amd64.json": text})
    file = file if template else tmp_path / "deployment.amd64.json"
    for problem in examine(file, {}):
        assert 0 < problem.line <= problem.file.read_text(encoding="utf-8").count("\n") + 1
        assert problem.column > 0
