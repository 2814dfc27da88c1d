"""`evaluate` and `explain` as the shell runs them."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_runtime.routing import evaluate, explain_command
from tests.patience import PATIENCE_S

JSON = {"contentType": "application/json", "contentEncoding": "utf-8"}


def run_evaluate(lines: bytes) -> tuple[int, list[Any], str]:
    """Run the command in a process of its own: exit status, answers, complaints."""
    code = "import sys; from edge_runtime.routing.evaluate import main; sys.exit(main([]))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=lines, capture_output=True, check=False, timeout=PATIENCE_S
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def dump(*documents: object) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


ANSWERS: list[tuple[str, dict[str, object], str]] = [
    ("true", {"condition": "a = 'b'", "app": {"a": "b"}}, "true"),
    ("false", {"condition": "a = 'b'", "app": {"a": "c"}}, "false"),
    ("undefined is false", {"condition": "a = 'b'", "app": {}}, "false"),
    ("what does not compile is an error", {"condition": "a = 5", "app": {}}, "error"),
    ("an empty condition compiles", {"condition": ""}, "false"),
    ("a property without value", {"condition": "is_null(a)", "app": {"a": None}}, "true"),
    ("system properties", {"condition": "$messageId = 'm'", "sys": {"messageId": "m"}}, "true"),
    ("a body as JSON value", {"condition": "$body.x = 1", "sys": JSON, "body": {"x": 1}}, "true"),
    ("a body as text", {"condition": "$body.x = 1", "sys": JSON, "body": "{x: 1,}"}, "true"),
    ("a body that is no JSON", {"condition": "$body.x = 1", "sys": JSON, "body": "{{"}, "false"),
    ("a body of an undeclared type", {"condition": "$body.x = 1", "body": {"x": 1}}, "false"),
    ("an array is no eligible body", {"condition": "is_defined($body.x)", "sys": JSON, "body": [1]}, "false"),
    ("no body", {"condition": "$body.x = 1", "sys": JSON, "body": None}, "false"),
    ("text beyond ASCII", {"condition": "$body.x = 'é😀'", "sys": JSON, "body": {"x": "é😀"}}, "true"),
    (
        "a body in utf-16",
        {"condition": "$body.x = 'é'", "sys": {**JSON, "contentEncoding": "utf-16"}, "body": {"x": "é"}},
        "true",
    ),
    ("module and output", {"condition": "$outputName = 'o'", "module": "m", "output": "o"}, "true"),
    ("further fields are ignored", {"condition": "true", "expected": "true"}, "true"),
]


def test_evaluate_answers() -> None:
    documents = [{"id": name, **document} for name, document, _ in ANSWERS]
    status, answers, complaints = run_evaluate(dump(*documents))
    assert answers == [{"id": name, "result": result} for name, _, result in ANSWERS]
    assert (status, complaints) == (0, "")


BAD = [
    (b"no json\n", "not JSON"),
    (b"[1]\n", '"condition" is missing'),
    (b'{"id": 1}\n', '"condition" is missing'),
    (b'{"condition": 5}\n', '"condition" is missing'),
    (b'{"condition": "a", "app": []}\n', '"app" is []: write an object'),
    (b'{"condition": "a", "app": {"a": 5}}\n', '"app.a" is 5: properties are text, write "5"'),
    (b'{"condition": "a", "sys": {"a": true}}\n', '"sys.a" is true'),
    (b'{"condition": "a", "output": "o"}\n', '"output" needs "module"'),
    (b'{"condition": "a", "module": 5}\n', '"module" is 5'),
    (b"\xff\xfe\n", "not JSON in UTF-8"),
    (b"[" * 100_000 + b"\n", "not JSON"),
]


@pytest.mark.parametrize(("line", "words"), BAD)
def test_a_bad_line_is_named_and_the_others_are_answered(line: bytes, words: str) -> None:
    good = dump({"id": 1, "condition": "true"})
    output, complaints = io.StringIO(), io.StringIO()
    unread = evaluate.evaluate_lines(
        (good + line + b"\n" + good).splitlines(keepends=True), output, complaints
    )
    assert unread == 1
    assert [json.loads(text) for text in output.getvalue().splitlines()] == [{"id": 1, "result": "true"}] * 2
    assert complaints.getvalue().startswith("line 2: ")
    assert words in complaints.getvalue()


def test_a_bad_line_shows_in_the_exit_status() -> None:
    status, answers, complaints = run_evaluate(b"x\n" + dump({"id": 2, "condition": "true"}))
    assert status == 1
    assert answers == [{"id": 2, "result": "true"}]
    assert complaints.startswith("line 1: ")


def test_ten_thousand_distinct_conditions_in_seconds() -> None:
    documents = [
        {
            "id": number,
            "condition": f"as_number(t) >= {number} AND (alert = 'a{number % 7}' OR $body.x[0].y < {number})",
            "app": {"t": "5000", "alert": "a1"},
            "sys": JSON,
            "body": {"x": [{"y": 2500}]},
        }
        for number in range(10_000)
    ]
    lines = dump(*documents)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    status, answers, _ = run_evaluate(lines)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    expected = [number <= 5000 and (number % 7 == 1 or number > 2500) for number in range(10_000)]
    assert [answer["result"] == "true" for answer in answers] == expected
    assert status == 0
    # Processor time, start of Python included: it uses one core, which other tests may share.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 30


ROUTES = {
    "frames": {
        "route": "FROM /messages/modules/camera/outputs/frames "
        'INTO BrokeredEndpoint("/modules/classifier/inputs/frames")',
        "priority": 1,
        "timeToLiveSecs": 60,
    },
    "alerts": "FROM /messages/* WHERE $body.x > 5 INTO $upstream",
}


def manifest(folder: Path, routes: object, wrap: str = "modulesContent") -> str:
    desired = {"schemaVersion": "1.2", "routes": routes}
    path = folder / "deployment.template.json"
    path.write_text(json.dumps({wrap: {"$edgeHub": {"properties.desired": desired}}}), "utf-8")
    return str(path)


def message_file(folder: Path, **fields: object) -> str:
    path = folder / "message.json"
    path.write_text(json.dumps({"module": "camera", "output": "frames", **fields}), "utf-8")
    return str(path)


def test_explain_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = message_file(tmp_path, sys=JSON, body={"x": 4})
    assert explain_command.main([manifest(tmp_path, ROUTES), "--message", message, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["source"] == "/messages/modules/camera/outputs/frames/"
    assert document["matches"] == [
        {"endpoint": "edge/classifier/frames", "priority": 1, "timeToLiveSecs": 60, "routes": ["frames"]}
    ]
    frames, alerts = document["routes"]
    assert (frames["matched"], alerts["matched"], alerts["sourceMatched"]) == (True, False, True)
    assert alerts["condition"] == "false"
    assert alerts["deciding"] == {"text": "$body.x > 5", "line": 1, "column": 24, "value": "false"}
    assert alerts["operands"] == [{"text": "$body.x", "line": 1, "column": 24, "value": "4"}]


def test_explain_as_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    message = message_file(tmp_path, body={"x": 6})
    assert explain_command.main([manifest(tmp_path, ROUTES), "--message", message]) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "condition is undefined: $body.x is undefined" in shown
    assert "contentType is not set" in shown
    assert "it has no WHERE" in shown
    assert "one copy to edge/classifier/frames by frames" in shown


def test_explain_says_when_nothing_matches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_command.main([manifest(tmp_path, {}), "--message", message_file(tmp_path)]) == 0
    assert "no_route" in capsys.readouterr().out


def test_explain_knows_the_sender(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    routes = {
        "r": "FROM /* WHERE $connectionModuleId = 'camera' AND $connectionDeviceId = 'd1' INTO $upstream"
    }
    arguments = [manifest(tmp_path, routes), "--message", message_file(tmp_path), "--device", "d1", "--json"]
    assert explain_command.main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["matches"][0]["endpoint"] == "iothub"


@pytest.mark.parametrize("wrap", ["modulesContent", "moduleContent"])
def test_explain_reads_both_spellings(tmp_path: Path, wrap: str) -> None:
    assert explain_command.main([manifest(tmp_path, ROUTES, wrap), "--message", message_file(tmp_path)]) == 0


def test_broken_routes_are_all_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    routes = {"a": "FROM x INTO $upstream", "b": "FROM /messages WHERE c = 5 INTO $upstream"}
    assert explain_command.main([manifest(tmp_path, routes), "--message", message_file(tmp_path)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert 'route "a", line 1, column 6' in first
    assert 'route "b", line 1, column 24' in second


def test_the_routes_beside_a_broken_one_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    routes = {"a": "FROM /messages/* INTO $upstream", "b": "FROM /messages WHERE c = 5 INTO $upstream"}
    arguments = [manifest(tmp_path, routes), "--message", message_file(tmp_path)]
    assert explain_command.main([*arguments, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [(route["name"], route["matched"]) for route in document["routes"]] == [("a", True)]
    (error,) = document["errors"]
    assert (error["route"], error["line"], error["column"]) == ("b", 1, 24)
    assert "as_number(property)" in error["mend"]
    assert explain_command.main(arguments) == 1
    assert "the hub refuses all of these routes until" in capsys.readouterr().out


def test_a_schema_version_that_is_not_known_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(manifest(tmp_path, ROUTES))
    file.write_text(file.read_text("utf-8").replace('"1.2"', '"2.0"'), "utf-8")
    assert explain_command.main([str(file), "--message", message_file(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "schemaVersion '2.0' is not supported" in line


MANIFEST_TEXT = json.dumps({"modulesContent": {"$edgeHub": {"properties.desired": {"schemaVersion": "1.2"}}}})
UNREADABLE = [
    (None, "{}", "manifest.json: No such file"),
    ("{", "{}", "manifest.json: not JSON"),
    ('{"modules": []}', "{}", "manifest.json: no modulesContent"),
    ("[]", "{}", "manifest.json: no modulesContent"),
    (MANIFEST_TEXT.replace('"1.2"', '"1.2", "routes": [1]'), "{}", "manifest.json: routes is no object"),
    (MANIFEST_TEXT, None, "message.json: No such file"),
    (MANIFEST_TEXT, "x", "message.json: not JSON"),
    (MANIFEST_TEXT, "[]", "message.json: a message is a JSON object"),
    (MANIFEST_TEXT, '{"app": [1]}', 'message.json: "app" is [1]'),
]


@pytest.mark.parametrize(("manifest_text", "message_text", "words"), UNREADABLE)
def test_unreadable_files_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    manifest_text: str | None,
    message_text: str | None,
    words: str,
) -> None:
    for name, text in (("manifest.json", manifest_text), ("message.json", message_text)):
        if text is not None:
            (tmp_path / name).write_text(text, "utf-8")
    arguments = [str(tmp_path / "manifest.json"), "--message", str(tmp_path / "message.json")]
    assert explain_command.main(arguments) == 2
    assert words in capsys.readouterr().err
