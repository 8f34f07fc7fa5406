"""What was done: question, estimand, margin, replicates, seeds, versions, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...analysis.evidence import Evidence
from ..model import Facts, Section, Source, context_text

HASH_LETTERS = 12


def protocol(source: Source) -> Section:
    """The protocol box."""
    lead = "What was compared, on what, and by which rules that stood before the run."
    return Section("protocol", "Protocol", lead, (Facts(tuple(_rows(source))),))


def _rows(source: Source) -> Iterator[tuple[str, str]]:
    evidence, header = source.evidence, source.evidence.header
    yield "Quantity", "balanced accuracy (mean recall of the classes), in per cent; differences in points"
    yield (
        "Estimand",
        (
            "paired difference between cells on the same draws; default cells unless a sentence says "
            "tuned or averaged"
        ),
    )
    yield "Margin", f"±{source.margin:.2f} points count as no difference that matters"
    yield "Intervals", _intervals(evidence)
    yield "Correction for many comparisons", _families(evidence)
    replicates = evidence.results.groupby("trial_key")["replicate"].nunique()
    if len(replicates):
        low, high = replicates.min(), replicates.max()
        yield "Replicates of a cell", str(high) if low == high else f"{low} to {high}"
    if "folds" in header:
        yield "Folds of a replicate", str(header["folds"])
    if evidence.rungs:
        yield "Training budgets", ", ".join(map(str, evidence.rungs))
    for part in source.contexts:
        yield "Context", f"{context_text(part)}: {len(part.cells)} cells with results"
    yield from _identity(source)
    yield "Cells", _cells(source)
    yield "Left out", _left_out(evidence)


def _intervals(evidence: Evidence) -> str:
    if evidence.repetitions:
        return "95 % of Nadeau and Bengio for repeated cross-validation on one data set: a heuristic"
    return "95 % t intervals over independent replicates; equivalence by two one-sided tests at 5 %"


def _families(evidence: Evidence) -> str:
    families = getattr(evidence, "families", None) or evidence.header.get("families")
    if not families:
        return "none declared"
    listed = "; ".join(f"{name} ({len(comparisons)})" for name, comparisons in families.items())
    return f"Holm within each family of comparisons declared before the run: {listed}"


def _identity(source: Source) -> Iterator[tuple[str, str]]:
    header = source.evidence.header
    if not header:
        yield "Origin", "a ledger without a header line: seed, versions and digests are not recorded"
        return
    yield "Sweep", f"{header.get('sweep', 'not recorded')}, begun {header.get('at', 'not recorded')}"
    for name, label in (
        ("spec_hash", "Design hash"), ("data_digest", "Data digest"), ("encoder_digest", "Encoder digest"),
        ("git_commit", "Commit"),
    ):  # fmt: skip
        if name in header:
            yield label, str(header[name])[:HASH_LETTERS]
    if "seed" in header:
        yield "Root seed", str(header["seed"])
    if header.get("classes"):
        yield "Classes", ", ".join(map(str, header["classes"]))
    if header.get("versions"):
        yield "Versions", ", ".join(f"{name} {version}" for name, version in header["versions"].items())


def _cells(source: Source) -> str:
    ends = Counter(str(line["status"]) for line in _last_ends(source).values())
    stages = Counter(cell.stage for cell in source.evidence.cells)
    by_stage = ", ".join(f"{count} of stage {stage}" for stage, count in stages.items())
    by_end = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in ends.items())
    return f"{by_stage or 'none'} with results; ended: {by_end or 'not recorded'}"


def _last_ends(source: Source) -> dict[str, dict[str, str]]:
    return {
        line["trial_key"]: dict(line)
        for line in source.lines
        if line.get("kind") == "cell" and "status" in line
    }


def _left_out(evidence: Evidence) -> str:
    if not len(evidence.skipped):
        return "nothing"
    rows = zip(evidence.skipped["arm"], evidence.skipped["status"], evidence.skipped["reason"], strict=True)
    return "; ".join(
        f"{count} of {arm} ({status}: {reason})" for (arm, status, reason), count in Counter(rows).items()
    )
