"""Help texts: short to wait for, with examples that run as they stand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import synaug as package
from sweeps.cli import asking, catalogue, deploying, doctor, logs, reporting, running, submitting, upkeep  # noqa: F401 - they register
from sweeps.cli.app import app

HEAVY = ("torch", "ray", "mlflow", "transformers", "sklearn", "pandas", "optuna")
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
WANTS_A_CLUSTER = "synaug submit"  # tests/sweeps/test_on_cluster.py starts one; here it might find a user's
SLOW = ("synaug sweep my.yaml", "synaug test ")  # they start Ray


def help_of(command: str) -> str:
    return CliRunner().invoke(app, [command, "--help"], prog_name="synaug").output


def examples_of(command: str) -> list[str]:
    """Lines of the help under ``Examples:``, up to the first empty one."""
    _, found, rest = help_of(command).partition("Examples:\n")
    lines = (line.strip() for line in rest.partition("\n\n")[0].splitlines())
    return [line for line in lines if line] if found else []


def marked(line: str) -> Any:
    slow = [pytest.mark.slow] if line.startswith(SLOW) else []
    return pytest.param(line, id=line.removeprefix("synaug ").replace(" ", "_"), marks=slow)


EXAMPLES = [
    marked(line)
    for command in COMMANDS
    for line in examples_of(command)
    if not line.startswith(WANTS_A_CLUSTER)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_shows_two_examples(command: str) -> None:
    lines = examples_of(command)
    assert help_of(command).startswith(f"Usage: synaug {command} ")
    assert len(lines) >= 2
    assert all(line.startswith(f"synaug {command}") for line in lines)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("line", EXAMPLES)
def test_example_runs(line: str, copy: Path, synaug: Any, example: Callable[[str], list[str]]) -> None:
    ended = synaug(copy, *example(line))
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err
    assert ended.out.strip()
    assert ended.left == ()


@pytest.mark.parametrize("arguments", [["--help"], ["sweep", "-h"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv[1:] = {arguments}\n"
        "from sweeps.cli.app import main\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.strip()) == (0, "[]")
    assert ended.stdout.startswith(("Usage: synaug", f"synaug {package.__version__}"))


def test_help_lists_every_command(synaug: Any, tmp_path: Path) -> None:
    long, short = (synaug(tmp_path, option) for option in ("--help", "-h"))
    assert long.out == short.out
    assert [name for name in COMMANDS if f"\n  {name} " not in long.out] == []


def test_without_arguments_it_prints_help_and_ends_with_2(synaug: Any, tmp_path: Path) -> None:
    ended = synaug(tmp_path)
    assert (ended.code, ended.err) == (2, "")
    assert ended.out == synaug(tmp_path, "--help").out


def test_debug_adds_the_traceback(synaug: Any, tmp_path: Path) -> None:
    ended = synaug(tmp_path, "--debug", "sweep", "nope.yaml")
    assert ended.code == 3
    assert "Traceback" in ended.err
    assert "error[D52]: no preset or file 'nope.yaml'" in ended.err
