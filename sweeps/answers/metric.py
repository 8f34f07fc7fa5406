"""Metrics that cannot differ: euclidean and cosine on normalised embeddings."""

from __future__ import annotations

from collections.abc import Sequence

from ..analysis.evidence import Evidence
from ..analysis.scores import Budget, Side, contrast, own_budget, table
from .answer import Answer
from .compare import answer_of, keys_of, proof_of
from .levels import Levels
from .sentences import budget_phrase

SAME_ORDER = ("euclidean", "cosine")  # rank neighbours alike when all rows have norm 1


def same_metrics(evidence: Evidence, budget: Budget, levels: Levels, margin: float) -> list[Answer]:
    """Say so when euclidean and cosine gave the same scores; empty when they did not."""
    if not set(SAME_ORDER) <= set(levels.values):
        return []
    sides = [levels.side(metric) for metric in SAME_ORDER]
    if not identical(evidence, sides):
        return []
    d = contrast(evidence, budget, *sides)
    raw = raw_encoder(evidence)
    said = f"by construction on normalised embeddings for {levels.arm}"
    if raw is not None:
        said = f"for {levels.arm} here, though embeddings of {raw} are not normalised"
    sentence = (
        f"{budget_phrase(budget)}, metric euclidean and cosine are identical {said} "
        f"(same score in every replicate; {proof_of(d, evidence)})."
    )
    detail = {"kind": "identical", "arm": levels.arm, "first": SAME_ORDER[0], "second": SAME_ORDER[1]}
    keys = keys_of(sides)
    return [answer_of(sentence, d, budget, margin, estimand=levels.estimand, cells=keys, detail=detail)]


def raw_encoder(evidence: Evidence) -> str | None:
    """The encoder of a context, where the ledger says that its embeddings are not normalised."""
    name = str(dict(evidence.cells[0].context).get("encoder", ""))
    facts = (evidence.header.get("encoders") or {}).get(name) or {}
    return None if facts.get("normalized", True) else name


def differing_metrics(evidence: Evidence, levels: Levels) -> list[str]:
    """A warning where euclidean and cosine are two metrics, as embeddings are not normalised."""
    raw = raw_encoder(evidence)
    if raw is None or not set(SAME_ORDER) <= set(levels.values):
        return []
    return [
        f"embeddings of {raw} are not normalised, so that euclidean and cosine may differ as ranks; "
        "they are identical by construction on normalised embeddings alone"
    ]


def identical(evidence: Evidence, sides: Sequence[Side]) -> bool:
    """Whether cells that differ in the level alone agree in every score of every replicate."""
    budget = own_budget(evidence)
    for measure in ("score", "adjusted", "cv"):
        values = table(evidence, budget, measure)
        for keys in zip(*(side.keys for side in sides), strict=True):
            same = values.reindex(columns=list(keys)).dropna()
            if measure == "score" and same.empty:
                return False
            if not bool(same.eq(same.iloc[:, 0], axis=0).all().all()):
                return False
    return True
