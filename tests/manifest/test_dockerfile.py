from __future__ import annotations

from pathlib import Path

import pytest

from edge_runtime.manifest.dockerfile import Copy, DockerfileError, ImageRecipe, read
from edge_runtime.manifest.healthcheck import Healthcheck

END = 'CMD ["python3", "-m", "x"]'


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for name in ("libs/kit/__init__.py", "app/a.py", "app/b.py", "one.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def recipe(context: Path, text: str, **arguments: str) -> ImageRecipe:
    file = context / "Dockerfile"
    file.write_text(text)
    return read(file, context, arguments)


def test_reads_the_last_stage_alone(context: Path) -> None:
    text = f"""\
# comment
ARG BASE=debian:bookworm
FROM $BASE AS build
ENV A=build
COPY one.txt /build/
RUN make \\
  # a comment inside

  && make install
FROM ${{BASE}}
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --chown=10001:10001 libs/kit /app/kit
COPY app ./app
ENV PATH=/opt/venv/bin:$PATH \\
    MODE="a b" \\
    KEPT=1
USER 10001:10001
HEALTHCHECK CMD ["python3", "-m", "kit.healthcheck"]
{END}
"""
    assert recipe(context, text) == ImageRecipe(
        workdir="/app",
        copies=(Copy(context / "libs/kit", "/app/kit"), Copy(context / "app", "/app/app")),
        env={"MODE": "a b", "KEPT": "1"},  # no PATH: it names places in the image
        command=("python3", "-m", "x"),
        healthcheck=Healthcheck(("python3", "-m", "kit.healthcheck")),
    )


def test_a_stage_made_from_another_inherits_it(context: Path) -> None:
    text = f"FROM debian AS base\nWORKDIR /w\nENV A=1 B=2\nCOPY app app\n{END}\nFROM base AS debug\nENV B=3\n"
    assert recipe(context, text) == ImageRecipe(
        "/w", (Copy(context / "app", "/w/app"),), {"A": "1", "B": "3"}, ("python3", "-m", "x")
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("COPY one.txt /etc/two.txt", [("one.txt", "/etc/two.txt")]),
        ("COPY one.txt sub/", [("one.txt", "/app/sub/one.txt")]),
        ("COPY one.txt .", [("one.txt", "/app/one.txt")]),
        ("ADD one.txt ./", [("one.txt", "/app/one.txt")]),
        ("COPY libs/kit .", [("libs/kit", "/app")]),
        ("COPY libs/kit kit/", [("libs/kit", "/app/kit")]),
        ("COPY app/*.py code/", [("app/a.py", "/app/code/a.py"), ("app/b.py", "/app/code/b.py")]),
        ('COPY ["one.txt", "app/a.py", "d/"]', [("one.txt", "/app/d/one.txt"), ("app/a.py", "/app/d/a.py")]),
        ("COPY --chmod=0644 one.txt /t", [("one.txt", "/t")]),
        ("COPY /one.txt /t", [("one.txt", "/t")]),  # an absolute source is below the context too
        ("ARG D=app\nCOPY ${D} /t", [("app", "/t")]),
    ],
)
def test_copies(context: Path, line: str, expected: list[tuple[str, str]]) -> None:
    copies = recipe(context, f"FROM x\nWORKDIR /app\n{line}\n{END}").copies
    assert [(str(copy.source.relative_to(context)), copy.destination) for copy in copies] == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("ENV A=1", {"A": "1"}),
        ("ENV A one value", {"A": "one value"}),  # the old form
        ('ENV A="x y" B=z', {"A": "x y", "B": "z"}),
        ("ENV A='$B \\x' B=\\$A\\ b C=a\"b c\"d", {"A": "$B \\x", "B": "$A b", "C": "ab cd"}),
        ("ENV A=1\nENV B=${A}2 C=$A$A", {"A": "1", "B": "12", "C": "11"}),
        ("ENV A=${NONE:-default} B=${NONE:+set} C=${NONE}", {"A": "default", "B": "", "C": ""}),
        ("ARG V=1\nENV A=$V", {"A": "1"}),
        ("ARG GIVEN=1\nENV A=$GIVEN", {"A": "by --build-arg"}),
        ("ARG GLOBAL\nENV A=$GLOBAL", {"A": "top"}),
        ("ENV A=$GLOBAL", {"A": ""}),  # a global ARG counts in a stage only once declared there
    ],
)
def test_environment(context: Path, lines: str, expected: dict[str, str]) -> None:
    text = f"ARG GLOBAL=top\nFROM x\n{lines}\n{END}"
    assert recipe(context, text, GIVEN="by --build-arg").env == expected


@pytest.mark.parametrize(
    ("lines", "workdir"),
    [
        ("", "/"),
        ("WORKDIR /a\nWORKDIR b", "/a/b"),
        ("ENV D=/d\nWORKDIR $D/../e", "/e"),
        ('WORKDIR "/q"', "/q"),
    ],
)
def test_working_directory(context: Path, lines: str, workdir: str) -> None:
    assert recipe(context, f"FROM x\n{lines}\n{END}").workdir == workdir


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        ('CMD ["a"]\nCMD ["b"]', ("b",)),
        ('ENTRYPOINT ["python3", "-m"]\nCMD ["x"]', ("python3", "-m", "x")),
        ('cmd [ "python3" , "-c", "print(1)" ]', ("python3", "-c", "print(1)")),
    ],
)
def test_commands(context: Path, lines: str, command: tuple[str, ...]) -> None:
    assert recipe(context, f"FROM x\n{lines}\n").command == command


@pytest.mark.parametrize(
    ("text", "line", "what", "mend"),
    [
        ("FROM x\nCMD python3 -m x\n", 2, "CMD in shell form needs a shell", 'CMD ["python3"'),
        ("FROM x\n\nENTRYPOINT run\n", 3, "ENTRYPOINT in shell form", 'ENTRYPOINT ["python3"'),
        ('FROM x\nCMD ["/usr/bin/python3"]\n', 2, "'/usr/bin/python3' is an absolute path", "found on PATH"),
        ("FROM x\nCMD []\n", 2, "the start is empty", "python3"),
        ("FROM x\nUSER 1\n", 2, "the last stage has no CMD", 'end with CMD ["python3"'),
        (f"FROM a\n{END}\nFROM b\nUSER 1\n", 4, "the last stage has no CMD", "CMD"),
        ("# nothing\n", 1, "there is no FROM", "begin with FROM"),
        ("WORKDIR /a\nFROM x\n", 1, "WORKDIR before the first FROM", "below FROM"),
        (f"FROM x\nCOPPY a b\n{END}", 2, "unknown instruction COPPY", "spelling"),
        (f"FROM x\nCOPY nothing /a\n{END}", 2, "COPY nothing: there is no such file", "relative to"),
        (f"FROM x\nCOPY ../x /a\n{END}", 2, "COPY ../x: there is no such file", "relative to"),
        (f"FROM x\nCOPY one.txt\n{END}", 2, "COPY needs a source and a destination", "give both"),
        (f"FROM x\nCOPY <<EOF /a\n{END}", 2, "needs BuildKit", "into a file"),
        (f'FROM x\nENV A="b\n{END}', 2, "a quote has no end", "close the quote"),
    ],
)
def test_what_cannot_start_a_process(context: Path, text: str, line: int, what: str, mend: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        recipe(context, text)
    assert (caught.value.file, caught.value.line) == (context / "Dockerfile", line)
    assert what in caught.value.what
    assert mend in caught.value.mend
    assert str(caught.value).startswith(f"{context / 'Dockerfile'}:{line}: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:1: cannot be read: No such file"):
        read(tmp_path / "Dockerfile", tmp_path)


def test_the_last_health_check_counts_and_none_takes_it_away(context: Path) -> None:
    twice = f"FROM a\nHEALTHCHECK CMD one\nHEALTHCHECK --retries=1 CMD two\n{END}"
    assert recipe(context, twice).healthcheck == Healthcheck(("/bin/sh", "-c", "two"), retries=1)
    inherited = f"FROM a AS base\nHEALTHCHECK CMD one\nFROM base\nHEALTHCHECK NONE\n{END}"
    assert recipe(context, inherited).healthcheck is None


def test_a_health_check_that_docker_build_would_refuse_is_named_with_its_line(context: Path) -> None:
    with pytest.raises(DockerfileError, match=r"Dockerfile:2: HEALTHCHECK --interval=5 is not a duration"):
        recipe(context, f"FROM a\nHEALTHCHECK --interval=5 CMD one\n{END}")
