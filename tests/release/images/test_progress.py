from __future__ import annotations

import io

from rich.console import Console

from release.images.progress import steps


def test_elsewhere_than_on_a_terminal_each_step_is_a_line() -> None:
    output = io.StringIO()
    with steps(Console(file=output, width=20), "camera amd64") as on_step:
        on_step(1, 2, "FROM a[b]")
        on_step(2, 2, f"RUN   {'x' * 200}")
    first, second = output.getvalue().splitlines()
    assert first == "camera amd64: 1/2 FROM a[b]"
    assert second == f"camera amd64: 2/2 RUN {'x' * 96}"


def test_on_a_terminal_the_line_moves_and_goes() -> None:
    output = io.StringIO()
    console = Console(file=output, width=120, force_terminal=True)
    with steps(console, "camera amd64") as on_step:
        on_step(3, 9, "COPY a b")
    assert "2/9" in output.getvalue()
    assert "COPY a b" in output.getvalue()
