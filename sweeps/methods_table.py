"""The tables of arms and classifiers as Markdown, read from their registries."""

from __future__ import annotations

from synaug.classifiers import CLASSIFIERS
from synaug.knobs import Knob
from synaug.methods import METHODS


def methods_markdown() -> str:
    """One row an arm: name, what runs it, what it does, its knobs with defaults and domains, its paper."""
    rows = ["| arm | runs | what it does | knobs (default; domain) | paper |", "|---|---|---|---|---|"]
    for name in METHODS:
        method = METHODS[name]
        says = (method.__doc__ or "").strip().splitlines()[0]
        runs = "always" if method.core else "by name"
        rows.append(f"| `{name}` | {runs} | {says} | {_knobs(method.knobs())} | {method.paper or '-'} |")
    return "\n".join(rows)


def classifiers_markdown() -> str:
    """One row a classifier: name, what it is, its ladder, its knobs with defaults and domains, its paper."""
    rows = [
        "| classifier | what it is | ladder | knobs (default; domain) | paper |",
        "|---|---|---|---|---|",
    ]
    for name in CLASSIFIERS:
        kind = CLASSIFIERS[name]
        says = (kind.__doc__ or "").strip().splitlines()[0]
        ladder = f"{', '.join(map(str, kind.ladder))} {kind.rung}"
        rows.append(f"| `{name}` | {says} | {ladder} | {_knobs(kind.knobs())} | {kind.paper or '-'} |")
    return "\n".join(rows)


def _knobs(knobs: tuple[Knob, ...]) -> str:
    return ", ".join(f"`{k.name}` ({k.default}; {k.domain})" for k in knobs) or "none"
