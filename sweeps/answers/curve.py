"""The curve over a numeric knob: its band, the levels that may be best, and where it turns."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from ..analysis.best import BestSet, best_levels
from ..analysis.dose import Curve, dose_response
from ..analysis.evidence import Evidence
from ..analysis.hinge import Estimate, Hinge, hinge
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, contrast, fold_ratio, side_values
from .answer import Answer
from .compare import answer_of, keys_of, proof_of
from .levels import Levels
from .sentences import VERDICT_WORDS, brackets, budget_phrase, interval_text, names, signed

FEWEST = 3  # levels of a curve
PER = {"ratio": 100.0}  # units of the knob that a slope is told for; 1 otherwise


def candidates(evidence: Evidence, budget: Budget, levels: Levels) -> BestSet:
    """The levels that may be the best one, at a budget."""
    values = _table(evidence, budget, levels)
    random = evidence.generator("best levels", levels.arm, levels.knob, str(budget))
    return best_levels(values, random, test_to_train=_test_to_train(evidence, values))


def curve_of(evidence: Evidence, budget: Budget, levels: Levels, margin: float) -> list[Answer]:
    """Say where the curve peaks, which levels may be best, and where it turns; empty for other knobs."""
    numeric = all(isinstance(value, int | float) for value in levels.values)
    if len(levels.values) < FEWEST or not numeric:
        return []
    values = _table(evidence, budget, levels)
    purpose = (levels.arm, levels.knob, str(budget))
    curve = dose_response(
        values, evidence.generator("curve", *purpose), test_to_train=_test_to_train(evidence, values)
    )
    best = candidates(evidence, budget, levels)
    if best.leader is None:
        return []
    turn = Hinge(reason="repetitions share their rows")
    if not evidence.repetitions:
        made = values.drop(columns=[0.0], errors="ignore") if levels.knob == "ratio" else values
        turn = hinge(made, evidence.generator("hinge", *purpose))  # none to any rows is a jump, no slope
    peak = contrast(evidence, budget, levels.sides[0], levels.side(best.leader))
    proof = proof_of(peak, evidence)
    unit = " %" if levels.knob == "ratio" else ""
    sentence = (
        f"{budget_phrase(budget)}, the balanced accuracy of {levels.arm} peaks at {levels.knob} "
        f"{names([best.leader])}{unit}, {_against_first(levels, best, peak, proof)}. Not distinguishable "
        f"from the best level: {names(best.members)}{unit} (95 % confidence set); the smallest of them, "
        f"{names(best.members[:1])}{unit}, is recommended. {_turning(turn, levels, unit)}."
        f"{_overlay(evidence, budget, levels, best, margin)}"
    )
    detail = {"kind": "curve", **_detail(levels, curve, best, turn)}
    detail |= _moved(evidence, budget, levels, best)
    keys = keys_of(levels.sides)
    return [answer_of(sentence, peak, budget, margin, estimand=levels.estimand, cells=keys, detail=detail)]


def _table(evidence: Evidence, budget: Budget, levels: Levels) -> pd.DataFrame:
    values = side_values(evidence, budget, levels.sides)
    return values.set_axis(list(levels.values), axis=1)


def _test_to_train(evidence: Evidence, values: pd.DataFrame) -> float:
    return fold_ratio(evidence) if values.index.nlevels > 1 else 0.0


def _against_first(levels: Levels, best: BestSet, peak: Difference, proof: str) -> str:
    first = levels.values[0]
    start = "none" if levels.knob == "ratio" and first == 0 else f"{levels.knob} {names([first])}"
    if best.leader == first:
        return f"its first level ({proof})"
    if peak.interval() is None:
        return f"{brackets(peak)} points against {start} ({proof})"
    return f"{signed(peak.estimate or 0.0)} points against {start} ({interval_text(peak)}; {proof})"


def _turning(turn: Hinge, levels: Levels, unit: str) -> str:
    """Where two straight lines meet, with the slopes on both sides."""
    if turn.turn is None or turn.before is None or turn.after is None:
        return f"Where it turns has no answer: {turn.reason}"
    if not turn.turns:
        return "A straight line is not rejected, so no turn is told"
    per = PER.get(levels.knob, 1.0)
    edge = ", at the edge of what was tried" if turn.at_edge else ""
    slopes = [f"{_slope(s, per)}" for s in (turn.before, turn.after)]
    return (
        f"The curve turns at {turn.turn.value:.0f}{unit} [{turn.turn.low:.0f}, {turn.turn.high:.0f}]{edge}: "
        f"{slopes[0]} points per {per:g}{unit} before and {slopes[1]} beyond"
    )


def _slope(slope: Estimate, per: float) -> str:
    return f"{signed(per * slope.value)} [{signed(per * slope.low)}, {signed(per * slope.high)}]"


def _moved_sides(evidence: Evidence, levels: Levels, best: BestSet) -> tuple[Side, Side] | None:
    """Moving the threshold of none, and the peak; only for ratio with none as its first level."""
    if levels.knob != "ratio" or levels.values[0] != 0:
        return None
    adjust = evidence.default("logit_adjust")
    none = levels.sides[0]
    moved = Side("none", none.keys, "adjusted")
    if adjust is not None:
        moved = Side("logit_adjust", (adjust.key,) * len(none.keys))
    return moved, levels.side(best.leader)


def _moved(evidence: Evidence, budget: Budget, levels: Levels, best: BestSet) -> dict[str, Any]:
    sides = _moved_sides(evidence, levels, best)
    if sides is None:
        return {}
    overlay = contrast(evidence, budget, levels.sides[0], sides[0])
    return {"threshold": _part(overlay), "peak_over_threshold": _part(contrast(evidence, budget, *sides))}


def _overlay(evidence: Evidence, budget: Budget, levels: Levels, best: BestSet, margin: float) -> str:
    """What the peak has over moving the threshold of none."""
    sides = _moved_sides(evidence, levels, best)
    if sides is None:
        return ""
    d = contrast(evidence, budget, *sides)
    if d.estimate is None:
        return ""
    judged = d.verdict(margin)
    words = VERDICT_WORDS.get(judged, {"equivalent": "equivalent"}.get(judged, "no answer on its sign"))
    narrow = f", {interval_text(d, 0.9)}" if d.interval() is not None else ""
    return f" Over moving the threshold of none the peak has {brackets(d)} points{narrow}: {words}."


def _part(d: Difference) -> dict[str, float | None]:
    low, high = d.interval() or (None, None)
    low90, high90 = d.interval(0.9) or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "low90": low90, "high90": high90}


def _detail(levels: Levels, curve: Curve, best: BestSet, turn: Hinge) -> dict[str, Any]:
    per = PER.get(levels.knob, 1.0)
    points = [
        {"level": p.level, **_part(p.difference), "band_low": p.low, "band_high": p.high, "mean": r.mean}
        for p, r in zip(curve.points, best.rivals, strict=True)
    ]
    scaled = {
        name: None if slope is None else {key: per * value for key, value in asdict(slope).items()}
        for name, slope in (("slope_before", turn.before), ("slope_after", turn.after))
    }
    return {
        "arm": levels.arm,
        "knob": levels.knob,
        "settings": levels.settings,
        "levels": list(levels.values),
        "points": points,
        "critical": curve.critical,
        "peak": best.leader,
        "best_set": list(best.members),
        "recommended": best.members[0],
        "turn": None if turn.turn is None else asdict(turn.turn),
        "turn_reason": turn.reason,
        "turns": turn.turns,
        "turn_p": turn.p,
        "at_edge": turn.at_edge,
        "slope_per": per,
        **scaled,
    }
