"""What a ledger holds, made ready for questions: its cells, frames and rules of inference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from ..comparisons import FAMILIES, MARGIN
from .records import Line, curves, diagnostics, folds, header, records, scored, skipped, tested

CONTEXT = ("data", "encoder", "classifier", "steps", "imbalance")  # cells are compared within one of these
NOT_KNOBS = ("arm", "nuisance", "draws")  # and names with a dot, settings of the classifier
Kept = TypeVar("Kept")
Context = tuple[tuple[str, Any], ...]
NOT_SYNTHETIC = ("none", "logit_adjust", "class_weight")


@dataclass(frozen=True)
class Cell:
    """One configuration that has results: an arm with its knobs, in a context.

    Attributes:
        key: its trial key.
        arm: the method.
        stage: design, control, robustness, exploit or confirm; only design cells answer questions of
            sensitivity.
        context: data, encoder, classifier, steps and imbalance, as far as the configuration names them.
        knobs: the knobs of the arm.
        synthetic: whether it makes synthetic rows.
        nuisance: 0, or the number of an A/A clone.
        settings: settings of the classifier that the configuration names, as in the robustness block.
    """

    key: str
    arm: str
    stage: str
    context: Context
    knobs: Mapping[str, Any]
    synthetic: bool
    nuisance: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The results of a sweep, or of one context of it.

    Attributes:
        header: the sweep line; empty in a hand-made ledger.
        cells: cells with results, in the order of the plan.
        results: see ``records``.
        curve: see ``curves``.
        folds: see ``folds``.
        skipped: see ``skipped``.
        tested: like ``results``, of the test rows.
        diagnostics: see ``diagnostics``.
        first_planned: the key of the first design cell of each (context, arm), with results or not.
    """

    header: Line
    cells: tuple[Cell, ...]
    results: pd.DataFrame
    curve: pd.DataFrame
    folds: pd.DataFrame
    skipped: pd.DataFrame
    tested: pd.DataFrame
    diagnostics: pd.DataFrame
    first_planned: Mapping[tuple[Context, str], str]
    tables: dict[Any, Any] = field(default_factory=dict, repr=False)  # pivots and the like made so far

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms with design cells, in the order of the plan."""
        return tuple(dict.fromkeys(cell.arm for cell in self.cells if cell.stage == "design"))

    def once(self, name: Hashable, make: Callable[[], Kept]) -> Kept:
        """What ``make`` returns, made the first time that it is asked for under this name."""
        if name not in self.tables:
            self.tables[name] = make()
        kept: Kept = self.tables[name]
        return kept

    def generator(self, *purpose: str) -> np.random.Generator:
        """Random numbers for one purpose, the same in every run of the analysis."""
        seed = int(self.header.get("seed", 0))
        return np.random.default_rng([seed, *"/".join(purpose).encode()])

    @property
    def margin(self) -> float:
        """Points of balanced accuracy that count as a difference that matters."""
        return float(self.header.get("margin", MARGIN))

    @property
    def families(self) -> Mapping[str, Sequence[str]]:
        """The declared families of comparisons, such as "smote against none"."""
        declared: Mapping[str, Sequence[str]] = self.header.get("families", FAMILIES)
        return declared

    @property
    def repetitions(self) -> bool:
        """Whether a replicate is a repetition of cross-validation on the same rows."""
        return bool(self.header.get("inference", "replicates") == "repetitions")

    @property
    def rungs(self) -> tuple[int, ...]:
        """Steps of the budget ladder, ascending; empty when no result has a curve."""
        return tuple(sorted(int(steps) for steps in self.curve["steps"].unique()))

    def default(self, arm: str) -> Cell | None:
        """The arm's first design cell of the plan that has results: its default."""
        return next((c for c in self.cells if c.arm == arm and c.stage == "design"), None)

    def grid(self, arm: str, *, exploit: bool = False) -> tuple[Cell, ...]:
        """The arm's design cells that are not short of replicates.

        A cell is short when it has fewer results than most cells of the arm have.

        Args:
            arm: the arm.
            exploit: add the cells of the adaptive stage; never for questions of sensitivity.
        """
        stages = ("design", "exploit")[: 1 + exploit]
        cells = [c for c in self.cells if c.arm == arm and c.stage in stages]
        counts = self.results["trial_key"].value_counts()
        sizes = Counter(int(counts[c.key]) for c in cells)
        usual = max(sizes, key=lambda size: (sizes[size], size), default=0)
        return tuple(c for c in cells if counts[c.key] >= usual)

    def contexts(self) -> tuple[Evidence, ...]:
        """Split by data, encoder, classifier and steps: only within one are cells compared."""
        return self._parts

    @cached_property
    def _parts(self) -> tuple[Evidence, ...]:
        return tuple(self._only(context) for context in dict.fromkeys(c.context for c in self.cells))

    def _only(self, context: Context) -> Evidence:
        cells = tuple(c for c in self.cells if c.context == context)
        keys = {c.key for c in cells}
        names = ("results", "curve", "folds", "tested", "diagnostics")
        frames = {name: getattr(self, name) for name in names}
        mine = {name: frame[frame["trial_key"].isin(keys)] for name, frame in frames.items()}
        return replace(self, cells=cells, tables={}, **mine)


def gather(lines: Sequence[Line]) -> Evidence:
    """Read ledger lines into what questions are asked of; other kinds of lines are passed over.

    Raises:
        SynaugError: lines that cannot be read (exit 4).
    """
    order = _plan_order(lines)
    cells = _cells(lines)
    return Evidence(
        header=header(lines),
        cells=tuple(sorted(cells, key=lambda cell: order[cell.key])),
        results=records(lines),
        curve=curves(lines),
        folds=folds(lines),
        skipped=skipped(lines),
        tested=tested(lines),
        diagnostics=diagnostics(lines),
        first_planned=_first_planned(lines, order),
    )


def _plan_order(lines: Sequence[Line]) -> dict[str, tuple[bool, int]]:
    """Where each cell stands: by the number that start and cell lines give, else as it appears."""
    order: dict[str, tuple[bool, int]] = {}
    for i, line in enumerate(lines):
        if line.get("kind") not in ("start", "result", "cell"):
            continue
        number = line.get("number")
        place = (True, i) if number is None else (False, int(number))
        order[line["trial_key"]] = min(place, order.get(line["trial_key"], place))
    return order


def _first_planned(
    lines: Sequence[Line], order: Mapping[str, tuple[bool, int]]
) -> dict[tuple[Context, str], str]:
    known = {
        line["trial_key"]: (_context(line), line["config"]["arm"])
        for line in lines
        if line.get("kind") in ("start", "result", "cell") and line.get("stage", "design") == "design"
    }
    first: dict[tuple[Context, str], str] = {}
    for key in sorted(known, key=lambda k: order[k]):
        first.setdefault(known[key], key)
    return first


def _context(line: Line) -> Context:
    return tuple((name, line["config"][name]) for name in CONTEXT if name in line["config"])


def _cells(lines: Sequence[Line]) -> list[Cell]:
    cells: dict[str, Cell] = {}
    for line in scored(lines):
        config, stage = line["config"], line.get("stage", "design")
        knobs = {name: value for name, value in config.items() if _is_knob(name)}
        nuisance = int(config.get("nuisance", 0))
        settings = {name: value for name, value in config.items() if "." in name}
        about = (_context(line), knobs, _synthetic(line), nuisance, settings)
        cell = Cell(line["trial_key"], config["arm"], stage, *about)
        cells.setdefault(cell.key, cell)
    return list(cells.values())


def _is_knob(name: str) -> bool:
    return name not in (*CONTEXT, *NOT_KNOBS) and "." not in name


def _synthetic(line: Line) -> bool:
    requested = (line.get("counts") or {}).get("requested")
    if requested is not None:
        return any(count > 0 for count in requested.values())
    return "ratio" in line["config"] or line["config"]["arm"] not in NOT_SYNTHETIC
