"""What is read of the processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import machine


@pytest.mark.parametrize(
    ("text", "name", "bfloat16"),
    [
        ("model name\t: Xeon\nflags\t\t: fpu amx_bf16 amx_tile\n", "Xeon", True),
        ("model name\t: Xeon\nflags\t\t: fpu avx2\n", "Xeon", False),
        # Arm has no model name and calls its flags otherwise
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", "", False),
    ],
)
def test_the_processor(
    text: str, name: str, bfloat16: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    assert machine.machine().startswith(name)
    assert machine.machine().endswith("cores")
    assert machine.multiplies_bfloat16() is bfloat16


def test_without_cpuinfo_the_machine_still_has_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CPUINFO", Path("/absent"))
    assert "cores" in machine.machine()
    assert not machine.multiplies_bfloat16()


@pytest.mark.parametrize(
    ("precision", "capability", "policy"),
    [
        ("bfloat16", (9, 0), "mixed_bfloat16"),
        ("bfloat16", (8, 0), "mixed_bfloat16"),
        ("bfloat16", (7, 5), "mixed_float16"),
        ("bfloat16", (6, 1), "float32"),
        ("bfloat16", None, "float32"),
        ("float32", (9, 0), "float32"),
    ],
)
def test_small_numbers_only_where_the_hardware_multiplies_them(
    precision: str, capability: tuple[int, int] | None, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CPUINFO", Path("/absent"))
    assert machine.keras_policy(precision, capability) == policy
