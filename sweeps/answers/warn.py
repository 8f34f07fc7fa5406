"""What holds for every answer of a sweep: shared rows, repetitions, corrections, missing cells."""

from __future__ import annotations

from collections import Counter

from synaug.classifiers import CLASSIFIERS

from ..analysis.evidence import Evidence
from ..analysis.scores import classifier_of

OVERLAP = 0.05  # share of rows that two replicates may have in common before the answers say so


def warnings_of(evidence: Evidence) -> tuple[str, ...]:
    """What to keep in mind with every answer of this sweep."""
    said = [
        "intervals and verdicts are of single comparisons; a p-value is corrected within the family that its "
        "sentence names, sentences without one are not corrected"
    ]
    if len(evidence.contexts()) > 1:
        said.append("declared families are corrected within one context, not over all of them")
    for name in dict.fromkeys(classifier_of(part) for part in evidence.contexts()):
        if name in CLASSIFIERS and CLASSIFIERS[name].caution:
            said.append(CLASSIFIERS[name].caution)
    for name, share in (evidence.header.get("overlap") or {}).items():
        if share is not None and share > OVERLAP:
            said.append(
                f"replicates share {100 * share:.0f} % of the rows of class {name}; "
                "intervals may be too short"
            )
    if evidence.repetitions:
        said.append(
            "replicates are repetitions of cross-validation on the same rows: intervals use the "
            "Nadeau-Bengio variance, which is a heuristic"
        )
    if len(evidence.results) and (evidence.results["scored_on"] == "cv").any():
        said.append("scores are of the folds that also choose: cells taken as leading or tuned look too good")
    return (*said, *_missing(evidence))


def _missing(evidence: Evidence) -> list[str]:
    """Count cells without a result by status and reason, and cells short of replicates."""
    counted = Counter(
        zip(evidence.skipped["status"], evidence.skipped["arm"], evidence.skipped["reason"], strict=True)
    )
    said = [
        f"{count} {'cell' if count == 1 else 'cells'} of {arm} left out or incomplete, {status}: {reason}"
        for (status, arm, reason), count in counted.items()
    ]
    for stage, frame in evidence.results.groupby("stage", sort=False):
        replicates = frame["replicate"].nunique()
        sizes = frame["trial_key"].value_counts()
        short = int((sizes < replicates).sum())
        if short:
            where = "" if stage == "design" else f" of stage {stage}"
            said.append(
                f"{short} of {len(sizes)} cells{where} have fewer than {replicates} replicates; a comparison "
                "uses the replicates that both sides have"
            )
    return said
