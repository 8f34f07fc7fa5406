"""Shares of variance beside the second view of importance, and why a design has neither."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from ...analysis.evidence import Evidence
from ..claims import Claim
from ..model import Column, Source, Table, headed
from .parts import claims_in

UNEXPLAINED = "no_shares"  # the kind of the answer that says why there are no shares


def views_of(source: Source, part: Evidence) -> list[Claim]:
    """The second view of every axis that has one, of knobs within an arm and of the arms themselves."""
    questions = dict.fromkeys(claim.question for claim in source.claims)
    found = [c for question in questions for c in claims_in(source, part, question, kind="second_view")]
    return [claim for claim in found if claim.detail["why"] is None]


def shares_in(source: Source, part: Evidence, knobs: Sequence[str]) -> list[Claim]:
    """The shares of all knobs, main effects first; an interaction stands once."""
    found: dict[tuple[str, str], Claim] = {}
    for knob in dict.fromkeys(knobs):
        for claim in claims_in(source, part, knob, kind="share"):
            if claim.detail.get("share") is not None and claim.entry["budget"] != "common":
                found.setdefault((claim.detail["arm"], claim.detail["knob"]), claim)
    return sorted(found.values(), key=lambda claim: (claim.detail["arm"], claim.detail["knob"].count(":")))


def view_table(claims: list[Claim], heading: str, end: str) -> Table:
    """PED-ANOVA and fANOVA with the range that they cover, one row an axis."""
    rows: list[dict[str, Any]] = []
    for claim in claims:
        axis = claim.detail["knob"]
        row = {"arm": claim.detail["arm"], "axis": axis, "r2": claim.detail["r2"], "n": claim.entry["n"]}
        for name in ("ped_anova", "fanova"):
            found = claim.detail[name][axis]
            low, high = found["range"] or (None, None)
            row |= {name: found["value"], f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = (
        Column("arm", "Within"),
        Column("axis", "axis"),
        Column("ped_anova", "PED-ANOVA [range]", 3, ends=("ped_anova_low", "ped_anova_high")),
        Column("fanova", "fANOVA [range]", 3, ends=("fanova_low", "fanova_high")),
        Column("r2", "R² of the forest", 2),
        Column("n", "n"),
    )
    caption = (
        "A second view of the same cells, no share of variance: PED-ANOVA says what separates the upper "
        "tenth of "
        "the cells, fANOVA what a forest makes of all. In brackets the range without a fifth of the "
        "replicates."
    )
    return Table(f"second-view{end}", headed(heading, caption), pd.DataFrame(rows), columns)


def unexplained(source: Source, part: Evidence) -> Iterator[str]:
    """The sentences that say why knobs have no shares of variance, each once."""
    arms = set(part.arms)
    found = [claim for claim in source.claims if claim.kind == UNEXPLAINED]
    yield from dict.fromkeys(claim.sentence for claim in found if set(claim.detail["arms"]) <= arms)
