"""Which cell goes to work: the best on the folds, or one that is named; its budget and its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median_low
from typing import Any

from synaug.errors import Exit, Problem, SynaugError, did_you_mean

from .analysis.evidence import Evidence, gather
from .analysis.scores import Side, infer, own_budget, side_values
from .ledger import Line
from .ledger_state import State
from .plan import CONFIRM, is_extra


@dataclass(frozen=True)
class Score:
    """A mean over replicates as a fraction, with its 95 % interval where there is one."""

    name: str
    mean: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        ends = (
            "" if self.low is None or self.high is None else f" [{100 * self.low:.1f}, {100 * self.high:.1f}]"
        )
        times = "replicate" if self.n == 1 else "replicates"
        return f"{self.name} {100 * self.mean:.1f} %{ends}, {self.n} {times}"

    def tags(self) -> dict[str, str]:
        """The same for a registry: name to text."""
        found = {self.name: f"{self.mean:.4f}"}
        if self.low is not None and self.high is not None:
            found |= {f"{self.name}_low": f"{self.low:.4f}", f"{self.name}_high": f"{self.high:.4f}"}
        return found


@dataclass(frozen=True)
class Choice:
    """A cell that goes to work.

    Attributes:
        key: its trial key.
        config: its configuration.
        steps: the rung that it trains to: the median over replicates of those chosen, the lower one of two.
        score: of what it is scored on, at the chosen rung.
        confirmed: the same on the fresh draws of the confirmation, which chose nothing; None where this
            configuration has none.
        folds: mean score on the folds, as a fraction; what the best cell is chosen by.
        among: cells that it was chosen from; 1 where it was named.
    """

    key: str
    config: Mapping[str, Any]
    steps: int
    score: Score
    confirmed: Score | None
    folds: float
    among: int


def choose(lines: Sequence[Line], found: State, key: str | None) -> Choice:
    """Take the named cell, or else the best on the folds; the earlier of two that are equal.

    Args:
        lines: of the ledger.
        found: what they add up to.
        key: a trial key, or None.

    Raises:
        SynaugError: the key is of no finished cell, or no cell is finished (exit 2).
    """
    finished = sorted(
        (k for k, line in found.cells.items() if line["status"] == "ok"),
        key=lambda k: found.cells[k].get("number", 0),
    )
    if key is not None:
        if key not in finished:
            fix = "keys of finished cells stand in the ledger and in MLflow"
            text = f"no finished cell {key!r}{did_you_mean(key, finished)}"
            raise SynaugError(Problem(text, fix=fix), Exit.USAGE)
        return _choice(lines, found, key, 1)
    candidates = [k for k in finished if _stands_for_itself(found.cells[k])]
    if not candidates:
        raise SynaugError(Problem("no cell is finished", fix="go on with the sweep"), Exit.USAGE)
    best = max(candidates, key=lambda k: round(_on_folds(found, k), 12))  # the first of equals
    return _choice(lines, found, best, len(candidates))


def _stands_for_itself(line: Line) -> bool:
    """Clones, other sizes, other settings of the classifier and confirmations are no candidates."""
    return not any(map(is_extra, line["config"]))


def _results(found: State, key: str) -> list[Line]:
    replicates = sorted(found.replicates.get(key, ()))
    return [r for r in (found.results[key, n] for n in replicates) if r["status"] == "ok"]


def _on_folds(found: State, key: str) -> float:
    return fmean(r["scores"]["cv_balanced_accuracy"] for r in _results(found, key))


def _choice(lines: Sequence[Line], found: State, key: str, among: int) -> Choice:
    steps = median_low(int(r["chosen_steps"]) for r in _results(found, key))
    evidence, config = gather(lines), found.cells[key]["config"]
    again = next((k for k, line in found.cells.items() if _confirms(line, config)), None)
    confirmed = None if again is None else _score(evidence, again, "confirm_balanced_accuracy")
    return Choice(key, config, steps, _score(evidence, key), confirmed, _on_folds(found, key), among)


def _confirms(line: Line, config: Mapping[str, Any]) -> bool:
    fresh = {**config, "draws": CONFIRM}
    return bool(line["status"] == "ok" and line["config"] == fresh and fresh != config)


def _score(evidence: Evidence, key: str, name: str | None = None) -> Score:
    part = next(p for p in evidence.contexts() if any(cell.key == key for cell in p.cells))
    found = infer(part, side_values(part, own_budget(part), [Side("cell", (key,))])[0])
    where = part.results.loc[part.results["trial_key"] == key, "scored_on"].iloc[0]
    low, high = found.interval() or (None, None)
    assert found.estimate is not None
    return Score(
        name or f"{where}_balanced_accuracy",
        found.estimate / 100,
        None if low is None else low / 100,
        None if high is None else high / 100,
        found.n,
    )
