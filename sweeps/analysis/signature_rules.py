"""The rules of failure signatures: what each reads of a cell or a series of ratios, and when it fires."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from .evidence import Cell, Evidence
from .paired import Difference
from .quality import values_of
from .scores import infer, own_budget, table

State = Literal["fired", "not_fired", "not_testable"]
CROSSING = 2.0  # points above real rows
PLATEAU = 0.1  # points per 25 % of ratio
LAST_RATIOS = 3
LEAST_KL, LEAST_VARIANCE, LEAST_RANK = 0.1, 0.1, 2.0


@dataclass(frozen=True)
class Reading:
    """One number that a rule looked at.

    Attributes:
        name: what it is.
        estimate: its mean over replicates; None without any.
        low: lower end of its interval; None without one.
        high: upper end.
        level: of the interval.
        unit: of estimate, low, high and bound.
        bound: what the rule compares with.
        n: replicates behind it.
    """

    name: str
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    unit: str
    bound: float
    n: int


@dataclass(frozen=True)
class Known:
    """One context with what the rules read beside the evidence.

    Attributes:
        evidence: of the context.
        quality: see ``quality``.
        recalls: see ``minority_recalls``.
        counts: the counts of the results of each trial key.
    """

    evidence: Evidence
    quality: pd.DataFrame
    recalls: pd.DataFrame
    counts: Mapping[str, Sequence[Mapping[str, Mapping[str, int]]]]

    def reading(
        self, name: str, values: pd.Series, bound: float, unit: str = "points", level: float = 0.95
    ) -> tuple[Difference, Reading]:
        """The mean over replicates of numbers by replicate, for the rule and for the reader."""
        found = infer(self.evidence, values)
        low, high = found.interval(level) or (None, None)
        return found, Reading(name, found.estimate, low, high, level, unit, bound, found.n)

    def scores(self, key: str, measure: str) -> pd.Series:
        """A measure of a cell in points, by replicate; empty where the ledger has none."""
        frame = table(self.evidence, own_budget(self.evidence), measure)
        return 100 * frame[key].dropna() if key in frame else pd.Series(dtype="float64")

    def recall(self, key: str) -> pd.Series:
        """Minority recall of a cell in points, by replicate."""
        known = key in self.recalls
        return 100 * self.recalls[key].dropna() if known else pd.Series(dtype="float64")


Finding = tuple[State, tuple[Reading, ...], str | None]


def ratio_of(cell: Cell) -> float:
    """The ratio of a cell of a series."""
    return float(cell.knobs["ratio"])


def _decided(fired: bool, *readings: Reading) -> Finding:
    return ("fired" if fired else "not_fired"), readings, None


def _untestable(reason: str | None, *readings: Reading) -> Finding:
    return "not_testable", readings, reason


def _beyond_band(known: Known, cell: Cell, name: str, above: str, bound: float) -> Finding:
    """Fired where a share lies above a column of its band by more than a bound, in points."""
    values = 100 * values_of(known.quality, cell.key, name, above).dropna()
    found, reading = known.reading(f"{name} - {above}", values, bound)
    interval = found.interval()
    if interval is None:
        return _untestable(
            found.reason if len(values) else f"the ledger holds no {name} with a band", reading
        )
    return _decided(interval[0] > bound, reading)


def _unrealistic_clusters(known: Known, cell: Cell) -> Finding:
    """Islands beyond the greatest value that real rows gave in any draw."""
    return _beyond_band(known, cell, "island_rate", "null_high", 0.0)


def _label_crossing(known: Known, cell: Cell) -> Finding:
    return _beyond_band(known, cell, "crossing_rate", "null", CROSSING)


def has_model(known: Known, cell: Cell) -> bool:
    """Whether the rows come from a VAE that told of its codes."""
    return bool(len(values_of(known.quality, cell.key, "vae_kl")))


def _vae_collapse(known: Known, cell: Cell) -> Finding:
    """No unit active in any replicate, or one of three numbers below its bound with its interval."""
    active = values_of(known.quality, cell.key, "vae_active_units")
    readings = [known.reading("vae_active_units", active, 0.0, "dimensions")]
    for name, bound, unit in (
        ("vae_kl", LEAST_KL, "nats"),
        ("variance_ratio", LEAST_VARIANCE, "ratio"),
        ("effective_rank", LEAST_RANK, "dimensions"),
    ):
        readings.append(known.reading(name, values_of(known.quality, cell.key, name), bound, unit))
    told = tuple(reading for _, reading in readings)
    if all(found.interval() is None for found, _ in readings):
        return _untestable(readings[0][0].reason, *told)
    low = [r.high is not None and r.high < r.bound for r in told[1:]]
    none_active = bool(len(active) > 1 and not active.any())
    return _decided(none_active or any(low), *told)


def _minority_overfit(known: Known, cell: Cell) -> Finding:
    none = known.evidence.default("none")
    if none is None:
        return _untestable("there is no arm none to compare with")
    gap, recall = (
        (read(cell.key) - read(none.key)).dropna()
        for read in (lambda key: known.scores(key, "minority_gap"), known.recall)
    )
    grown, gap_reading = known.reading("minority gap - that of none", gap, 0.0)
    better, recall_reading = known.reading("minority recall - that of none", recall, 0.0)
    ends = grown.interval(), better.interval()
    if ends[0] is None or ends[1] is None:
        reason = grown.reason if ends[0] is None else better.reason
        return _untestable(reason, gap_reading, recall_reading)
    return _decided(ends[0][0] > 0 and ends[1][0] <= 0, gap_reading, recall_reading)


def _no_synthetic(known: Known, cell: Cell) -> Finding:
    """Counts, not estimates: low and high are the least and the greatest of a replicate."""
    pairs = [
        tuple(sum(counts.get(kind, {}).values()) for kind in ("achieved", "requested"))
        for counts in known.counts.get(cell.key, ())
    ]
    made = [100 * achieved / requested for achieved, requested in pairs if requested]
    if not made:
        return _untestable("the ledger holds no counts of synthetic rows")
    total = 100 * sum(achieved for achieved, _ in pairs) / sum(requested for _, requested in pairs)
    reading = Reading("achieved / requested", total, min(made), max(made), 1.0, "%", 100.0, len(made))
    return _decided(min(made) < 100, reading)


def _minority_plateau(known: Known, series: Sequence[Cell]) -> Finding:
    last = [cell for cell in series if ratio_of(cell) > 0][-LAST_RATIOS:]
    if len(last) < LAST_RATIOS:
        return _untestable(f"{LAST_RATIOS} ratios above 0 are needed, there are {len(last)}")
    recalls = pd.concat([known.recall(cell.key) for cell in last], axis=1).dropna()
    steps = np.array([ratio_of(cell) / 25 for cell in last])
    steps -= steps.mean()
    slopes = pd.Series(recalls.to_numpy() @ steps / (steps @ steps), index=recalls.index)
    found, reading = known.reading("minority recall per 25 % of ratio", slopes, PLATEAU, level=0.9)
    if found.interval() is None:
        return _untestable(found.reason, reading)
    return _decided(found.within(PLATEAU), reading)


def _prior_overshift(known: Known, series: Sequence[Cell]) -> Finding:
    balanced = next((cell for cell in series if ratio_of(cell) == 100), None)
    if balanced is None or ratio_of(series[-1]) <= 100:
        return _untestable("ratio 100 and a larger one are needed")
    change = {
        measure: (known.scores(series[-1].key, measure) - known.scores(balanced.key, measure)).dropna()
        for measure in ("score", "adjusted", "auc")
    }
    flat = [measure for measure in ("adjusted", "auc") if len(change[measure])]
    falls, reading = known.reading("score beyond ratio 100", change["score"], 0.0)
    margin = known.evidence.margin
    others = [known.reading(f"{name} beyond ratio 100", change[name], margin, level=0.9) for name in flat]
    readings = (reading, *(each for _, each in others))
    ends = falls.interval()
    if ends is None or not others or any(found.interval() is None for found, _ in others):
        reason = falls.reason if others else "the ledger holds neither an adjusted score nor an AUC"
        return _untestable(reason, *readings)
    return _decided(ends[1] < 0 and all(found.within(margin) for found, _ in others), *readings)


CELL_RULES: Mapping[str, Callable[[Known, Cell], Finding]] = {
    "unrealistic_clusters": _unrealistic_clusters,
    "minority_overfit": _minority_overfit,
    "vae_collapse": _vae_collapse,
    "label_crossing": _label_crossing,
    "no_synthetic": _no_synthetic,
}
SERIES_RULES: Mapping[str, Callable[[Known, Sequence[Cell]], Finding]] = {
    "minority_plateau": _minority_plateau,
    "prior_overshift": _prior_overshift,
}
