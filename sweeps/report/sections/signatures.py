"""Failure signatures: formal rules on records, each fired, not fired or not testable, arm by arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from ...analysis.evidence import Evidence
from ...analysis.paired import student
from ...analysis.scores import Side, contrast, own_budget
from ...answers.levels import levels_of
from ..model import Column, Part, Section, Source, Table, headed, suffix
from .parts import claims_in, per_result, recalls, sides_of
from .quality import numbers

LEAD = (
    "Rules that were fixed before any result was seen. Fired means that the records show the signature, not "
    "that it caused a loss; not testable says that the records hold too little."
)
FLAT, PER = 0.1, 25.0  # points of recall per 25 % of ratio
COLLAPSED = {"vae_active_units": 1.0, "vae_kl": 0.1, "variance_ratio": 0.1, "effective_rank": 2.0}
CROSSING = 0.02
Fired = bool | None


@dataclass(frozen=True)
class Case:
    """An arm at its default cell, as the rules see it."""

    source: Source
    part: Evidence
    arm: str
    sides: Mapping[str, Side]
    means: Mapping[str, float]

    def compare(self, measure: str) -> tuple[Side, Side] | None:
        """None and this arm by another measure; None without none."""
        if "none" not in self.sides or self.arm == "none":
            return None
        return Side("none", self.sides["none"].keys, measure), Side(
            self.arm, self.sides[self.arm].keys, measure
        )


def signatures(source: Source) -> Section:
    """One table a context: each rule with the arms that it fired for."""
    parts: list[Part] = []
    for number, heading, part in source.detailed():
        cases = _cases(source, part)
        if cases:
            parts.append(_table(cases, heading, suffix(number)))
    wanting = "results of arms that make synthetic rows"
    return Section("signatures", "Failure signatures", LEAD, tuple(parts), wanting)


def _cases(source: Source, part: Evidence) -> list[Case]:
    sides = sides_of(part)
    synthetic = {cell.arm for cell in part.cells if cell.synthetic}
    found = []
    for arm in (arm for arm in sides if arm in synthetic):
        tables = per_result(source.lines, part, sides[arm].keys, numbers)
        values = pd.concat(tables.values()) if tables else pd.DataFrame()
        means = {str(name): float(values[name].mean()) for name in values.columns}
        found.append(Case(source, part, arm, sides, means))
    return found


def _islands(case: Case) -> Fired:
    if not {"island_rate", "island_rate_null_high"} <= case.means.keys():
        return None
    return case.means["island_rate"] > case.means["island_rate_null_high"]


def _crossing(case: Case) -> Fired:
    if not {"crossing_rate", "crossing_rate_null"} <= case.means.keys():
        return None
    return case.means["crossing_rate"] - case.means["crossing_rate_null"] > CROSSING


def _collapse(case: Case) -> Fired:
    known = COLLAPSED.keys() & case.means.keys()
    if not case.arm.startswith("vae") or not known:
        return None
    return any(case.means[name] < COLLAPSED[name] for name in known)


def _none_made(case: Case) -> Fired:
    keys = set(case.sides[case.arm].keys)
    counts = [
        line["counts"]
        for line in case.source.lines
        if line.get("kind") == "result" and line["trial_key"] in keys and line.get("counts")
    ]
    counts = [found for found in counts if "requested" in found and "achieved" in found]
    if not counts:
        return None
    return any(sum(found["achieved"].values()) < sum(found["requested"].values()) for found in counts)


def _gap(case: Case) -> Fired:
    pair = case.compare("minority_gap")
    if pair is None or case.part.repetitions:
        return None
    gap = contrast(case.part, own_budget(case.part), *pair)
    found = per_result(case.source.lines, case.part, [side.keys[0] for side in pair], recalls)
    tables = [found.get(side.keys[0], pd.DataFrame()) for side in pair]
    if gap.interval() is None or any("minority" not in table for table in tables):
        return None
    change = student((tables[1]["minority"] - tables[0]["minority"]).dropna().to_numpy())
    ends = change.interval()
    if ends is None:
        return None
    return gap.excludes_zero() and (gap.estimate or 0.0) > 0 and not ends[0] > 0


def _plateau(case: Case) -> Fired:
    levels = levels_of(case.part, case.arm, "ratio")
    if levels is None or len(levels.values) < 3 or case.part.repetitions:
        return None
    found = per_result(case.source.lines, case.part, [k for s in levels.sides for k in s.keys], recalls)
    columns = {}
    for value in levels.values[-3:]:
        tables = [found.get(key, pd.DataFrame()) for key in levels.side(value).keys]
        if any("minority" not in table for table in tables):
            return None
        columns[float(value)] = pd.concat([table["minority"] for table in tables], axis=1).mean(axis=1)
    ratios = pd.Series(list(columns)) - sum(columns) / len(columns)
    values = pd.DataFrame(columns).dropna()
    slopes = values.to_numpy() @ ratios.to_numpy() / float((ratios**2).sum())
    return student((PER * slopes).tolist()).within(FLAT) if len(slopes) > 1 else None


def _over_shift(case: Case) -> Fired:
    found = claims_in(case.source, case.part, "ratio", kind="beyond_balance", arm=case.arm)
    readings = [claim.detail["reading"] for claim in found if claim.entry["budget"] != "common"]
    return "over_shift" in readings if readings else None


RULES: tuple[tuple[str, str, Callable[[Case], Fired]], ...] = (
    ("Unrealistic clusters", "island rate above what real rows give", _islands),
    ("Label crossing", "more than 2 % more rows among other classes than real rows have", _crossing),
    (
        "Collapse of the VAE",
        "no active unit, KL below 0.1 nats, variance ratio below 0.1, or effective rank below 2",
        _collapse,
    ),
    ("No rows made", "fewer rows achieved than requested, in any replicate", _none_made),
    (
        "Overfitted minority",
        "gap between training and held-out recall of the minority grows against none, recall does not",
        _gap,
    ),
    (
        "Plateau of the minority",
        "slope of minority recall over the last 3 ratios within 0.1 points per 25 %, 90 % interval",
        _plateau,
    ),
    (
        "Prior over-shift",
        "score falls beyond 100 %, neither the AUC nor the adjusted score does",
        _over_shift,
    ),
)


def _table(cases: list[Case], heading: str, end: str) -> Table:
    rows = []
    for name, rule, test in RULES:
        results = {case.arm: test(case) for case in cases}
        row = {"signature": name, "rule": rule}
        for label, wanted in (("fired", True), ("not_fired", False), ("not_testable", None)):
            row[label] = ", ".join(arm for arm, result in results.items() if result is wanted)
        rows.append(row)
    columns = (
        Column("signature", "Signature"),
        Column("rule", "rule"),
        Column("fired", "fired"),
        Column("not_fired", "not fired"),
        Column("not_testable", "not testable"),
    )
    caption = "Arms at their default cell and own best budget."
    return Table(f"signatures{end}", headed(heading, caption), pd.DataFrame(rows), columns)
