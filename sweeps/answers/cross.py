"""k and metric together: every pair of their levels against the default pair."""

from __future__ import annotations

from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.families import adjusted_p
from ..analysis.scores import Budget, Side, contrast
from .answer import Answer
from .compare import answer_of, keys_of, proof_of
from .sentences import brackets, budget_phrase, level_text, names

KNOBS = ("k", "metric")
LISTED = 4  # pairs by name in a sentence; more stand in the table


def crossed(evidence: Evidence, budget: Budget, arm: str, margin: float) -> list[Answer]:
    """Compare every pair of k and metric with the default one, averaged over the other knobs.

    Empty when not all pairs have cells at the same other settings.
    """
    default = evidence.default(arm)
    sides = _sides(evidence, arm)
    if default is None or len(sides) < 4:
        return []
    start = tuple(default.knobs[knob] for knob in KNOBS)
    if start not in sides:
        return []
    found = {pair: contrast(evidence, budget, sides[start], side) for pair, side in sides.items()}
    found.pop(start)
    p = {_name(pair): d.p for pair, d in found.items() if d.p is not None}
    corrected = adjusted_p(p)
    told = [pair for pair in found if corrected.get(_name(pair), 1.0) <= 0.05]
    same = [pair for pair, d in found.items() if d.within(margin)]
    widest = max(found, key=lambda pair: abs(found[pair].estimate or 0.0))
    d = found[widest]
    listed = f": {', '.join(_name(pair) for pair in told)}" if 0 < len(told) <= LISTED else ""
    sentence = (
        f"{budget_phrase(budget)}, of {len(found)} other pairs of k and metric of {arm}, {len(told)} differ "
        f"from {_name(start)} after Holm's correction over them{listed}; {len(same)} are equivalent to it at "
        f"the {margin:.2f} point margin. The largest difference, of {_name(widest)}, is {brackets(d)} points "
        f"({proof_of(d, evidence)})."
    )
    detail: dict[str, Any] = {"kind": "cross", "arm": arm, "default": list(start), "pairs": len(found)}
    detail |= {"differ": len(told), "equivalent": len(same), "widest": list(widest)}
    detail["differing"] = [_name(pair) for pair in told]
    detail["table"] = [
        {"k": pair[0], "metric": pair[1], **_part(d), "p_adjusted": corrected.get(_name(pair))}
        for pair, d in found.items()
    ]
    estimand = "default" if len(sides[start].keys) == 1 else "average"
    keys = keys_of(list(sides.values()))
    return [answer_of(sentence, d, budget, margin, estimand=estimand, cells=keys, detail=detail)]


def _sides(evidence: Evidence, arm: str) -> dict[tuple[Any, ...], Side]:
    """One side a pair of levels: the mean over the settings of the other knobs that all pairs have."""
    groups: dict[tuple[Any, ...], dict[tuple[Any, ...], str]] = {}
    for cell in evidence.grid(arm):
        if set(KNOBS) <= set(cell.knobs):
            groups.setdefault(_others(cell), {})[tuple(cell.knobs[knob] for knob in KNOBS)] = cell.key
    most = max((len(group) for group in groups.values()), default=0)
    full = [group for group in groups.values() if len(group) == most]
    pairs = sorted(full[0], key=str) if full else []
    return {
        pair: Side(_name(pair), tuple(group[pair] for group in full))
        for pair in pairs
        if all(pair in group for group in full)
    }


def _others(cell: Cell) -> tuple[Any, ...]:
    return tuple(sorted((name, value) for name, value in cell.knobs.items() if name not in KNOBS))


def _name(pair: tuple[Any, ...]) -> str:
    return names(f"{knob} {level_text(value)}" for knob, value in zip(KNOBS, pair, strict=True)).replace(
        ",", " with"
    )


def _part(d: Any) -> dict[str, float | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high}
