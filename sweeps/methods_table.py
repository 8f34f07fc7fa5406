"""The table of arms as Markdown, read from the registry."""

from __future__ import annotations

from synaug.methods import METHODS


def methods_markdown() -> str:
    """One row an arm: name, what runs it, what it does, its knobs with defaults and domains, its paper."""
    rows = ["| arm | runs | what it does | knobs (default; domain) | paper |", "|---|---|---|---|---|"]
    for name in METHODS:
        method = METHODS[name]
        says = (method.__doc__ or "").strip().splitlines()[0]
        knobs = ", ".join(f"`{k.name}` ({k.default}; {k.domain})" for k in method.knobs()) or "none"
        runs = "always" if method.core else "by name"
        rows.append(f"| `{name}` | {runs} | {says} | {knobs} | {method.paper or '-'} |")
    return "\n".join(rows)
