"""The question of the VAE: what it loses by, and which ablation closes the gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..analysis.evidence import Cell, Evidence
from ..analysis.gap import Closed, gap_closed
from ..analysis.paired import Difference
from ..analysis.scores import Budget, Side, contrast, own_budget, side_values
from .answer import Answer
from .compare import Reply, answer_of, compare, keys_of, not_applicable, proof_of, ranked
from .method import default_sides
from .naming import cell_label
from .sentences import brackets, budget_phrase, names, signed

VAE = "vae"
REFERENCES = ("ros", "smote", "gaussian")  # what the VAE is measured by
MOSTLY = 0.5  # of a gap: closed to this share or more is most of it


@dataclass(frozen=True)
class Ablation:
    """A change of the VAE that removes one suspect.

    Attributes:
        cause: what is shown to cost the score when the change closes the gap.
        knob: the knob that the change moves; None when it is another arm.
        arm: the arm that the change is.
    """

    cause: str
    knob: str | None = None
    arm: str = VAE


ABLATIONS = (
    Ablation("variance that the decoder's mean leaves out", knob="decoder_noise"),
    Ablation("draws from the prior that lie where the posterior has no mass", knob="source"),
    Ablation("the weight of the KL term", knob="beta"),
    Ablation("what its reconstructions miss of the rows", knob="residual_noise"),
    Ablation("its decoded part, not the noise of its residuals", arm="ros_residual"),
)
MOMENTS = "vae_gaussian"  # a Gaussian with the mean and covariance of the VAE's rows
BANDED = (
    "variance_ratio",
    "effective_rank",
    "recall",
    "coverage",
    "nearest_distance_ratio",
)  # told beside bands


def answer_vae(evidence: Evidence, margin: float) -> Reply:
    """Say what the VAE loses against copies and interpolation, then what an ablation gives back."""
    sides, own = default_sides(evidence), own_budget(evidence)
    if VAE not in sides:
        return [not_applicable(f"This sweep has no results of {VAE}; add it to arms.", own, "vae")], []
    vae = sides[VAE]
    references = [sides[name] for name in REFERENCES if name in sides]
    answers = [compare(evidence, own, (side, vae), margin) for side in references]
    if not references:
        wanted = names(REFERENCES)
        return [
            not_applicable(f"Nothing to measure the VAE by: add one of {wanted} to arms.", own, "vae")
        ], []
    ordered = ranked(evidence, own, references) or references
    moved = [_ablated(evidence, own, vae, ordered[0], found, margin) for found in _ablations(evidence)]
    gap = contrast(evidence, own, ordered[0], vae)
    answers = [_summary(evidence, own, vae, ordered, gap, moved, margin), *answers, *moved]
    answers += _moments(evidence, own, sides, margin)
    caused = any(answer.detail["moved"] for answer in moved)
    answers += _associated(evidence, own, vae, gap, caused, margin)
    return answers, [] if moved else [f"no ablation of the VAE in this sweep: add levels of {_knobs()}"]


def _knobs() -> str:
    return names([f"vae.{a.knob}" for a in ABLATIONS if a.knob is not None])


def _ablations(evidence: Evidence) -> list[tuple[Ablation, Cell]]:
    """Design cells that differ from the default VAE in one suspect alone, and arms that are one."""
    default = evidence.default(VAE)
    assert default is not None
    found = []
    for ablation in ABLATIONS:
        if ablation.knob is None:
            cell = evidence.default(ablation.arm)
            found += [(ablation, cell)] if cell is not None else []
            continue
        for cell in evidence.grid(VAE):
            changed = [n for n in default.knobs if cell.knobs.get(n) != default.knobs[n]]
            if changed == [ablation.knob]:
                found.append((ablation, cell))
    return found


def _summary(
    evidence: Evidence,
    own: Budget,
    vae: Side,
    references: Sequence[Side],
    gap: Difference,
    changes: Sequence[Answer],
    margin: float,
) -> Answer:
    """The VAE's gap to the first of the references, and which changes of it give that back."""
    interval = gap.interval()
    shown = interval is not None and interval[1] < 0
    closing = [answer for answer in changes if answer.detail["moved"]]
    raising = [answer for answer in changes if answer.low is not None and answer.low > 0]
    helping = closing if shown else raising
    among = f", the highest of {names(side.label for side in references)}" if len(references) > 1 else ""
    sentence = (
        f"{budget_phrase(own)}, {vae.label} against {references[0].label}{among}: {brackets(gap)} points "
        f"({proof_of(gap, evidence)}). {_given_back(changes, helping, shown)}."
    )
    told = ("ablation", "closed", "closed_low", "closed_high")
    detail: dict[str, Any] = {
        "kind": "summary",
        "leader": f"{vae.label} against {references[0].label}",
        "reference": references[0].label,
        "gap_shown": shown,
        "changes": len(changes),
        "helping": len(helping),
        "found": [
            {**{name: a.detail[name] for name in told}, "gain": [a.estimate, a.low, a.high]} for a in helping
        ],
    }
    return answer_of(sentence, gap, own, margin, cells=keys_of((references[0], vae)), detail=detail)


def _given_back(changes: Sequence[Answer], helping: Sequence[Answer], shown: bool) -> str:
    """Which changes close the gap, with their shares; where there is none, which raise the score."""
    if not changes:
        return "No change of it was run" if shown else "No loss could be shown"
    if shown and all(answer.detail["closed"] is None for answer in changes):
        return f"Whether a change of it closes that gap has no answer: {changes[0].detail['open']}"
    many = f"{len(helping) or 'none'} of {len(changes)} changes of it"
    text = "That gap or a part of it is closed by"
    if not shown:
        text = "No loss could be shown that a change could close; the score is raised by"
    found = [f"{a.detail['ablation']} ({_share(a.detail) if shown else _gain(a)})" for a in helping]
    return f"{text} {many}: {names(found)}" if found else f"{text} {many}"


def _gain(change: Answer) -> str:
    """What a change adds to the score, of one that has an interval."""
    gain, low, high = (signed(value or 0.0) for value in (change.estimate, change.low, change.high))
    return f"{gain} [{low}, {high}] points"


def _share(numbers: Mapping[str, Any]) -> str:
    """``75 % [65, 86]``: the share of a gap that a change closes."""
    return "{closed:.0f} % [{closed_low:.0f}, {closed_high:.0f}]".format(**numbers)


def _ablated(
    evidence: Evidence,
    own: Budget,
    vae: Side,
    reference: Side,
    found: tuple[Ablation, Cell],
    margin: float,
) -> Answer:
    """What one ablation gains, and how much of the gap to the reference that is."""
    ablation, cell = found
    knob = ablation.knob
    label = ablation.arm if knob is None else f"{cell.arm} with {knob} {names([cell.knobs[knob]])}"
    side = Side(label, (cell.key,))
    values = side_values(evidence, own, (vae, side, reference)).dropna()
    gain = contrast(evidence, own, vae, side)
    closed = gap_closed(values[1] - values[0], values[2] - values[0])
    if evidence.repetitions:
        closed = Closed(closed.share, n=gain.n, reason="repetitions share their rows")
    sentence = (
        f"{budget_phrase(own)}, {label} changes the score of {vae.label} by {brackets(gain)} points "
        f"({proof_of(gain, evidence)}): {_reading(closed, ablation, reference.label)}."
    )
    detail: dict[str, Any] = {"kind": "ablation", "ablation": label, "moved": closed.moved()}
    detail |= {"reference": reference.label, "cause": ablation.cause, "open": closed.reason}
    detail |= _numbers(closed)
    keys = keys_of((vae, side, reference))
    return answer_of(sentence, gain, own, margin, cells=keys, detail=detail)


def _numbers(closed: Closed) -> dict[str, float | None]:
    values = {"closed": closed.share, "closed_low": closed.low, "closed_high": closed.high}
    return {name: None if value is None else 100 * value for name, value in values.items()}


def _reading(closed: Closed, ablation: Ablation, reference: str) -> str:
    """What the share of the gap says; a cause is named only when the ablation moved the score."""
    if closed.share is None or closed.low is None or closed.high is None:
        return f"how much of the gap to {reference} it closes has no answer: {closed.reason}"
    text = f"it closes {_share(_numbers(closed))} of the gap to {reference}"
    if not closed.moved():
        return f"{text}, which is no evidence that the VAE loses by {ablation.cause}"
    most = "for the larger part" if closed.share >= MOSTLY else "for a part"
    return f"{text}: evidence that the VAE loses because of {ablation.cause}, {most}"


def _moments(evidence: Evidence, own: Budget, sides: Mapping[str, Side], margin: float) -> list[Answer]:
    """Whether a Gaussian with the moments of the VAE's rows does as well as the VAE."""
    if MOMENTS not in sides:
        return []
    d = contrast(evidence, own, sides[VAE], sides[MOMENTS])
    readings = {
        "equivalent": f"equivalent at the {margin:.2f} point margin: what the VAE loses is in the mean and "
        "covariance of its rows",
        "inconclusive": "no answer on whether the mean and covariance of its rows are all that it loses by",
    }
    reading = readings.get(d.verdict(margin), "the VAE's rows differ from a Gaussian by more than moments")
    sentence = (
        f"{budget_phrase(own)}, a Gaussian with the mean and covariance of the VAE's rows changes the score "
        f"by {brackets(d)} points ({proof_of(d, evidence)}): {reading}."
    )
    detail = {"kind": "moments", "first": VAE, "second": MOMENTS}
    return [answer_of(sentence, d, own, margin, cells=keys_of((sides[VAE], sides[MOMENTS])), detail=detail)]


def _associated(
    evidence: Evidence, own: Budget, vae: Side, loss: Difference, caused: bool, margin: float
) -> list[Answer]:
    """Diagnostics of the VAE outside the band of real against real: associated, not a cause."""
    frame = evidence.diagnostics[evidence.diagnostics["trial_key"].isin(vae.keys)]
    outside = _outside(frame, [name for name in BANDED if name in frame])
    if not outside:
        return []
    parts = [
        f"{name.replace('_', ' ')} {v['mean']:.2f} where real rows have {v['low']:.2f} to {v['high']:.2f}"
        for name, v in outside.items()
    ]
    lost = loss.estimate is not None and loss.estimate < 0
    tail = "" if caused else ", not shown to cause it"
    what = f"its loss of {brackets(loss)} points{tail}" if lost else "no loss"
    default = evidence.default(VAE)
    label = VAE if default is None else cell_label(default)
    sentence = f"{budget_phrase(own)}, the rows of {label} have {names(parts)}: associated with {what}."
    detail = {"kind": "associated", "arm": VAE, "label": label, "diagnostics": outside}
    return [answer_of(sentence, loss, own, margin, cells=vae.keys, detail=detail)]


def _outside(frame: Any, known: Sequence[str]) -> dict[str, dict[str, float]]:
    found = {}
    for name in known:
        columns = [name, f"{name}_null_low", f"{name}_null_high"]
        if set(columns) <= set(frame):
            values = frame[columns].dropna().mean()
            mean, low, high = (float(values[column]) for column in columns)
            if mean < low or mean > high:
                found[name] = {"mean": mean, "low": low, "high": high}
    return found
