"""The measurements as a page that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.registry import ROWS

HEAD = """# Benchmarks

Written by `python benchmarks/run.py`; do not edit. Every figure is a ratio of two things measured in one run,
the median over its repetitions with the smallest and the largest value. `docs/benchmarks.json` has the
absolute numbers behind it.
"""
COLUMNS = "| row | what is divided | median | smallest to largest | repetitions |\n|---|---|---|---|---|"
TOLD = {"spread", "spreads", "what", "repetitions", "run"}  # in the table, or in the line above the list


def markdown(report: Mapping[str, Any]) -> str:
    """Write a report as Markdown: the machine, the table, then what was run for each row."""
    measured = [name for name in ROWS if name in report]
    lines = [HEAD, machine_line(report["machine"]), "", COLUMNS]
    lines += [line for name in measured for line in figure_lines(name, report[name])]
    for name in measured:
        lines += ["", f"## {name}", "", ROWS[name], "", f"Run: {run_line(report[name])}", ""]
        lines += [f"- {key}: {shown(value)}" for key, value in report[name].items() if key not in TOLD]
    return "\n".join(lines) + "\n"


def machine_line(machine: Mapping[str, Any]) -> str:
    """Name the machine in one sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    instructions = " ".join(machine["instructions"]) or "none of those asked for"
    return (
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, instruction sets "
        f"{instructions}; Python {machine['python']}, {versions}."
    )


def figure_lines(name: str, found: Mapping[str, Any]) -> list[str]:
    """One line of the table for each figure of a row."""
    return [
        f"| {name} | {what} | {shown(found[figure])} | {shown(found['spreads'][figure][0])} to "
        f"{shown(found['spreads'][figure][1])} | {found['repetitions']} |"
        for figure, what in found["what"].items()
    ]


def run_line(found: Mapping[str, Any]) -> str:
    """When and how a row was measured."""
    run = found["run"]
    kind = "quick, says nothing about speed" if run["quick"] else "full"
    note = f"; {run['note']}" if run["note"] else ""
    before, after = run["load"]
    return f"{run['at']}, {kind}, load of the machine {before} before and {after} after{note}."


def shown(value: Any) -> str:
    """A value with three significant digits, six just below one; bytes and counts stay whole."""
    if isinstance(value, float):
        if 0.99 <= value < 1:
            return f"{value:.6f}"
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {shown(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(shown(entry) for entry in value) or "none"
    return str(value)
