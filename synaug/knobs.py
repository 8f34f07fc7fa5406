"""Knobs: a parameter's name, default, domain and help, said once on its dataclass field."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, cast

from .errors import did_you_mean


@dataclass(frozen=True)
class Int:
    """Integers from ``low`` to ``high`` (no upper limit when it is None)."""

    low: int
    high: int | None = None

    def problem(self, value: object) -> str | None:
        """Say what is wrong with ``value``; None when it is in the domain."""
        ok = isinstance(value, int) and not isinstance(value, bool) and value >= self.low
        if ok and self.high is not None:
            ok = value <= self.high  # type: ignore[operator]
        return None if ok else f"expected {self}, got {value!r}"

    def __str__(self) -> str:
        return f"integers >= {self.low}" if self.high is None else f"integers {self.low} to {self.high}"


@dataclass(frozen=True)
class Float:
    """Numbers from ``low`` to ``high``; a search moves in steps of ``step`` or on a log scale."""

    low: float
    high: float | None = None
    step: float | None = None
    log: bool = False

    def problem(self, value: object) -> str | None:
        """Say what is wrong with ``value``; None when it is in the domain."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        ok = number and math.isfinite(value) and value >= self.low  # type: ignore[arg-type,operator]
        if ok and self.high is not None:
            ok = value <= self.high  # type: ignore[operator]
        return None if ok else f"expected {self}, got {value!r}"

    def __str__(self) -> str:
        return f"numbers >= {self.low:g}" if self.high is None else f"numbers {self.low:g} to {self.high:g}"


@dataclass(frozen=True, init=False)
class Choice:
    """One of a few named options."""

    options: tuple[str | int | bool, ...]

    def __init__(self, *options: str | int | bool):
        object.__setattr__(self, "options", options)

    def problem(self, value: object) -> str | None:
        """Say what is wrong with ``value``; None when it is one of the options."""
        if any(value == option and type(value) is type(option) for option in self.options):
            return None
        hint = did_you_mean(value, [str(o) for o in self.options]) if isinstance(value, str) else ""
        return f"expected {self}, got {value!r}{hint}"

    def __str__(self) -> str:
        return "one of " + ", ".join(str(option) for option in self.options)


Domain = Int | Float | Choice
Value = str | int | float | bool


@dataclass(frozen=True)
class Knob:
    """What is known of one knob. ``levels`` are swept; a knob without levels is fixed by default."""

    name: str
    default: Value
    domain: Domain
    help: str
    levels: tuple[Value, ...]

    def clean(self, value: Value) -> Value:
        """Return the one spelling of a legal value: a float domain makes floats of integers."""
        return float(value) if isinstance(self.domain, Float) else value


def knob(default: Value, domain: Domain, help: str, *, levels: tuple[Value, ...] = ()) -> Any:
    """Declare a knob as the field of a frozen dataclass.

    Args:
        default: the value where nothing is said.
        domain: the legal values.
        help: one line for tables and the command line.
        levels: the values that a designed sweep visits; they also span the range that Optuna
            searches. None: the knob stays at its default unless a spec names it.
    """
    return dataclasses.field(default=default, metadata={"domain": domain, "help": help, "levels": levels})


def knobs_of(cls: type[Any]) -> tuple[Knob, ...]:
    """List the knobs of a dataclass in the order in which they are declared."""
    return tuple(
        Knob(f.name, cast(Value, f.default), f.metadata["domain"], f.metadata["help"], f.metadata["levels"])
        for f in dataclasses.fields(cls)
        if "domain" in f.metadata
    )


def knob_problems(cls: type, values: dict[str, Any]) -> list[tuple[str, str]]:
    """Find every value outside its knob's domain and every unknown name.

    Returns:
        Pairs of a knob's name and what is wrong with it; empty when all is well.
    """
    known = {k.name: k for k in knobs_of(cls)}
    problems = []
    for name, value in values.items():
        if name not in known:
            expected = ", ".join(known) or "no knobs"
            problems.append((name, f"unknown knob, expected {expected}{did_you_mean(name, list(known))}"))
        elif (problem := known[name].domain.problem(value)) is not None:
            problems.append((name, problem))
    return problems
