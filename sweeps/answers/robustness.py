"""The question of robustness: does an arm's gain hold over the classifier's settings?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..analysis.agreement import Agreement, agreed
from ..analysis.evidence import Cell, Evidence
from ..analysis.families import adjusted_p
from ..analysis.paired import Difference
from ..analysis.robust import Robust, over_settings, slopes
from ..analysis.scores import Budget, Side, own_budget, side_values
from .answer import Answer
from .compare import Reply, answer_of, not_applicable, proof_of
from .sentences import SLOT, brackets, budget_phrase, interval_text, names, signed
from .transfer import BASES

STAGE = "robustness"
READINGS = {
    1: "the gain holds at every one of them",
    -1: "the arm loses at every one of them",
    0: "not shown at every one of them",
}
Setting = tuple[tuple[str, Any], ...]
Cells = Mapping[str, Mapping[Setting, Cell]]


@dataclass(frozen=True, eq=False)
class _Block:
    """An arm and its base at the settings that both have: gains in points, one column a setting."""

    base: str
    arm: str
    settings: tuple[Setting, ...]
    gains: pd.DataFrame
    keys: tuple[str, ...]

    @property
    def points(self) -> list[dict[str, Any]]:
        """The settings by name."""
        return [dict(setting) for setting in self.settings]


def answer_robustness(evidence: Evidence, margin: float) -> Reply:
    """Say for every arm what it gains over each base at the Sobol points, and which setting moves that."""
    own = own_budget(evidence)
    blocks = _blocks(evidence, own)
    if not blocks:
        text = "This sweep has no block of settings with none and another arm; set robustness.points to 8."
        return [not_applicable(text, own, STAGE)], []
    if evidence.repetitions:
        text = "Repetitions share their rows; the block of settings is read on independent replicates alone."
        return [not_applicable(text, own, STAGE)], []
    answers = [_holds(evidence, own, block, margin) for block in blocks]
    answers += [answer for block in blocks for answer in _slopes(evidence, own, block, margin)]
    return answers + _surrogates(evidence, own, blocks, margin), []


def _blocks(evidence: Evidence, own: Budget) -> list[_Block]:
    cells: dict[str, dict[Setting, Cell]] = {}
    for cell in evidence.cells:
        if cell.stage == STAGE:
            cells.setdefault(cell.arm, {}).setdefault(tuple(cell.settings.items()), cell)
    pairs = [(base, arm) for i, base in enumerate(BASES) for arm in cells if arm not in BASES[: i + 1]]
    blocks = [_block(evidence, own, cells, base, arm) for base, arm in pairs if base in cells]
    return [block for block in blocks if len(block.settings) > 1]


def _block(evidence: Evidence, own: Budget, cells: Cells, base: str, arm: str) -> _Block:
    shared = tuple(setting for setting in cells[base] if setting in cells[arm])
    columns = {}
    for i, setting in enumerate(shared):
        sides = [Side(name, (cells[name][setting].key,)) for name in (base, arm)]
        values = side_values(evidence, own, sides)
        columns[i] = values[1] - values[0]
    keys = tuple(cells[name][setting].key for name in (base, arm) for setting in shared)
    return _Block(base, arm, shared, pd.DataFrame(columns).dropna(), keys)


def _holds(evidence: Evidence, own: Budget, block: _Block, margin: float) -> Answer:
    found = over_settings(block.gains, evidence.generator(STAGE, block.base, block.arm))
    d, count = found.mean, len(block.settings)
    sentence = (
        f"{budget_phrase(own)}, over {count} settings of {_named(block)} {block.arm} gains {_mean(d)} points "
        f"over {block.base} on average ({_interval(d)}{proof_of(d, evidence)}{SLOT}); by setting "
        f"{_ends(block, found)}. {_told(found)}: {_reading(found)}. {_varies(found)}."
    )
    detail: dict[str, Any] = {"kind": STAGE, "family": STAGE, "arm": block.arm, "base": block.base}
    detail |= {"settings": count, "above": found.above, "below": found.below}
    detail |= {"everywhere": found.everywhere, "one_sided": 5, "reading": _reading(found), **_variance(found)}
    detail["points"] = [
        {**dict(setting), "label": _words(setting), **_part(at)}
        for setting, at in zip(block.settings, found.points, strict=True)
    ]
    return answer_of(sentence, d, own, margin, estimand="average", cells=block.keys, detail=detail)


def _ends(block: _Block, found: Robust) -> str:
    """The least and the largest gain, each with its setting."""
    order = sorted(range(len(found.points)), key=lambda i: found.points[i].estimate or 0.0)
    told = [f"{brackets(found.points[i])} ({_words(block.settings[i])})" for i in (order[0], order[-1])]
    return f"from {told[0]} to {told[1]}"


def _told(found: Robust) -> str:
    """What tests say of the single settings; a claim on all of them needs each and corrects none."""
    if found.everywhere:
        side = "above" if found.everywhere > 0 else "below"
        return f"Each setting by itself shows the gain {side} 0 (one-sided, 5 %)"
    return (
        f"After Holm's correction over the settings the gain is above 0 at {found.above} of "
        f"{len(found.points)} "
        f"and below 0 at {found.below}"
    )


def _reading(found: Robust) -> str:
    if found.above and found.below:
        return "the gain turns round with the setting"
    return READINGS[found.everywhere]


def _varies(found: Robust) -> str:
    shares = found.varies
    if shares.explainable is None or shares.low is None or shares.high is None or shares.p is None:
        return f"How much the gain varies between settings has no answer: {shares.reason}"
    part = f"{100 * shares.explainable:.1f} % [{100 * shares.low:.1f}, {100 * shares.high:.1f}]"
    return (
        f"Settings explain {part} of the variance of a gain in one replicate, the rest is noise (permutation "
        f"p = {shares.p:.3f}, not corrected)"
    )


def _variance(found: Robust) -> dict[str, float | None]:
    shares = found.varies
    ends = {"varies": shares.explainable, "varies_low": shares.low, "varies_high": shares.high}
    percent = {name: None if value is None else 100 * value for name, value in ends.items()}
    return {**percent, "varies_p": shares.p}


def _slopes(evidence: Evidence, own: Budget, block: _Block, margin: float) -> list[Answer]:
    """What ten times as much of each setting changes; empty where they are too few."""
    found = slopes(block.gains, block.points)
    if not found:
        return []
    corrected = adjusted_p({name: d.p for name, d in found.items() if d.p is not None})
    told = [_plain(name) for name, p in corrected.items() if p <= 0.05]
    largest = max(found.values(), key=lambda d: abs(d.estimate or 0.0))
    listed = ", ".join(f"{_plain(name)} {brackets(d)}" for name, d in found.items())
    sentence = (
        f"{budget_phrase(own)}, ten times as much changes what {block.arm} gains over {block.base}, in "
        f"points: {listed} ({proof_of(largest, evidence)}; a straight line over "
        f"{len(block.settings)} settings on log scales); after Holm's correction over them different from 0: "
        f"{names(told, 'none')}."
    )
    detail: dict[str, Any] = {"kind": "setting_slopes", "arm": block.arm, "base": block.base}
    detail |= {"settings": len(block.settings)}
    detail["slopes"] = {name: {**_part(d), "p_adjusted": corrected.get(name)} for name, d in found.items()}
    answer = answer_of(
        sentence, largest, own, margin, estimand="average", cells=block.keys, detail=detail,
        verdict="not_applicable",
    )  # fmt: skip
    return [answer]


def _surrogates(evidence: Evidence, own: Budget, blocks: Sequence[_Block], margin: float) -> list[Answer]:
    """What two surrogates agree on, an answer a gain; gains without one share the sentence that says why."""
    answers: list[Answer] = []
    silent: dict[str, list[_Block]] = {}
    for block in blocks:
        random = evidence.generator(STAGE, "surrogate", block.base, block.arm)
        found = agreed(block.gains.mean().tolist(), block.points, random)
        if found.reason is None:
            answers.append(_agreed(own, block, found, margin))
        else:
            silent.setdefault(found.reason, []).append(block)
    return answers + [_disagreed(own, reason, group, margin) for reason, group in silent.items()]


def _agreed(own: Budget, block: _Block, found: Agreement, margin: float) -> Answer:
    parts = ", ".join(
        f"{_plain(name)} {s:.2f} [{low:.2f}, {high:.2f}] and {found.fanova[name]:.2f}"
        for name, (s, low, high) in found.rbd_fast.items()
    )
    sentence = (
        f"{budget_phrase(own)}, two surrogates agree on the part that each setting has in how the gain of "
        f"{block.arm} over {block.base} varies, RBD-FAST and fANOVA: {parts} (R2 {found.r2:.2f} on settings "
        f"that the forest has not seen; {found.settings} settings)."
    )
    detail = {"rbd_fast": {n: list(v) for n, v in found.rbd_fast.items()}, "fanova": dict(found.fanova)}
    return _surrogate(own, sentence, [block], margin, r2=found.r2, settings=found.settings, **detail)


def _disagreed(own: Budget, reason: str, blocks: Sequence[_Block], margin: float) -> Answer:
    arms, bases = (dict.fromkeys(getattr(block, name) for block in blocks) for name in ("arm", "base"))
    what = f"which setting moves the gains of {names(arms)} over {names(bases)} has no answer by surrogates"
    sentence = f"{budget_phrase(own)}, {what}: {reason}."
    return _surrogate(own, sentence, blocks, margin, why=reason)


def _surrogate(own: Budget, sentence: str, blocks: Sequence[_Block], margin: float, **detail: Any) -> Answer:
    n = min(len(block.gains) for block in blocks)
    keys = tuple(dict.fromkeys(key for block in blocks for key in block.keys))
    about = {"kind": "setting_surrogate", "gains": [[block.base, block.arm] for block in blocks], **detail}
    return answer_of(
        sentence, Difference(None, n=n), own, margin, estimand="average", cells=keys, detail=about,
        verdict="not_applicable",
    )  # fmt: skip


def _plain(name: str) -> str:
    """``mlp.learning_rate`` as ``learning rate``."""
    return name.rpartition(".")[2].replace("_", " ")


def _words(setting: Setting) -> str:
    return ", ".join(f"{_plain(name)} {value:.4g}" for name, value in setting)


def _named(block: _Block) -> str:
    return names(_plain(name) for name, _ in block.settings[0])


def _mean(d: Difference) -> str:
    return "nothing that can be told," if d.estimate is None else signed(d.estimate)


def _interval(d: Difference) -> str:
    return "" if d.interval() is None else f"{interval_text(d)}; "


def _part(d: Difference) -> dict[str, float | int | None]:
    low, high = d.interval() or (None, None)
    return {"estimate": d.estimate, "low": low, "high": high, "n": d.n}
