"""A second view of importance: PED-ANOVA and fANOVA, which answer other questions than shares do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

ENOUGH_R2 = 0.5
FEWEST_CELLS = 20
FOLDS = 5
TREES = 24  # optuna's fANOVA takes 14 ms a tree
PARTS = 5  # parts of the replicates that are left out in turn
LABEL = (
    "a second view: PED-ANOVA says what separates the best tenth of the cells from the rest, fANOVA what "
    "a random forest makes of all cells; neither is a share of variance with an interval"
)


@dataclass(frozen=True)
class SecondView:
    """Importances of the axes from a surrogate, raw and not normalised to one.

    Attributes:
        ped_anova: importance of each axis by PED-ANOVA; empty when ``reason`` says why.
        fanova: importance of each axis by fANOVA.
        ped_range: the smallest and the largest of ``ped_anova`` when parts of the replicates are left out
            in turn; a range, no interval. Empty where there were no replicates to leave out.
        fanova_range: the same of ``fanova``.
        r2: R2 of the forest on cells that it was not fitted to, by cross-validation over cells; None
            when it was not computed.
        cells: number of cells.
        label: what these numbers are, for where they are printed.
        reason: why there are none.
    """

    ped_anova: Mapping[str, float]
    fanova: Mapping[str, float]
    r2: float | None = None
    cells: int = 0
    label: str = LABEL
    reason: str | None = None
    ped_range: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    fanova_range: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def second_view_of(
    values: pd.DataFrame, axes: Mapping[Hashable, Mapping[str, Any]], random: np.random.Generator
) -> SecondView:
    """``second_view`` of the cells' means, and what it is when a fifth of the replicates is left out.

    Args:
        values: rows replicates, columns cells; a replicate that lacks a cell is left out.
        axes: the level of every axis, for each column.
        random: seeds the forests and shuffles the folds.
    """
    complete = values.dropna()
    found = second_view(dict(complete.mean()), axes, random)
    if found.reason is not None or len(complete) < 2:
        return found
    table = pd.DataFrame([dict(axes[cell]) for cell in complete])[list(found.fanova)]
    seed = int(random.integers(2**31))
    again = [
        _importances(table, complete.drop(index=list(part)).mean().to_numpy(), seed)
        for part in np.array_split(complete.index.to_numpy(), min(PARTS, len(complete)))
    ]
    ranges = [
        {name: _ends([view[kind][name] for view in again] + [whole[name]]) for name in whole}
        for kind, whole in enumerate((found.ped_anova, found.fanova))
    ]
    return replace(found, ped_range=ranges[0], fanova_range=ranges[1])


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def second_view(
    means: Mapping[Hashable, float], axes: Mapping[Hashable, Mapping[str, Any]], random: np.random.Generator
) -> SecondView:
    """Ask Optuna's two importance evaluators what matters among design cells.

    They are given the cells of a balanced design, never trials that a sampler chose. Where a forest does
    not predict cells that it has not seen (R2 at most 0.5), nothing is reported: its importances would
    describe noise. Axes with one level are left out.

    Args:
        means: mean score over the replicates of each cell, larger is better.
        axes: the level of every axis, for each cell.
        random: seeds the forests and shuffles the folds.
    """
    table = pd.DataFrame([dict(axes[cell]) for cell in means])
    swept = [str(name) for name in table if table[name].nunique() > 1]
    score = np.array(list(means.values()), dtype=np.float64)
    if not swept or len(score) < FEWEST_CELLS:
        text = f"a surrogate needs {FEWEST_CELLS} cells and an axis with two levels, got {len(score)} cells"
        return SecondView({}, {}, cells=len(score), reason=text)
    seeds = [int(seed) for seed in random.integers(2**31, size=2)]
    r2 = _forest_r2(table[swept], score, seeds[0])
    if r2 <= ENOUGH_R2:
        text = f"the surrogate explains unseen cells too badly (R2 {r2:.2f}, more than {ENOUGH_R2} needed)"
        return SecondView({}, {}, r2, len(score), reason=text)
    ped, fanova = _importances(table[swept], score, seeds[1])
    return SecondView(ped, fanova, r2, len(score))


def _forest_r2(table: pd.DataFrame, score: np.ndarray[Any, np.dtype[np.float64]], seed: int) -> float:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold, cross_val_predict

    coded = pd.get_dummies(table, columns=list(table)).to_numpy(dtype=np.float64)
    forest = RandomForestRegressor(TREES, random_state=seed)
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    return float(r2_score(score, cross_val_predict(forest, coded, score, cv=folds)))


def _importances(
    table: pd.DataFrame, score: np.ndarray[Any, np.dtype[np.float64]], seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Raw importances by both evaluators; levels are categories, so that uneven steps do not matter."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    levels = {str(name): list(dict.fromkeys(table[name].tolist())) for name in table}
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.CategoricalDistribution(range(len(found)))
        for name, found in levels.items()
    }
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: levels[name].index(row[name]) for name in levels},
                distributions=distributions,
                value=float(value),
            )
            for row, value in zip(table.to_dict("records"), score, strict=True)
        ]
    )
    evaluators = (
        optuna.importance.PedAnovaImportanceEvaluator(),
        optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=seed),
    )
    # Asked directly: get_param_importances makes them sum to 1, which hides that nothing matters.
    ped, fanova = (evaluator.evaluate(study) for evaluator in evaluators)
    return {n: float(ped[n]) for n in levels}, {n: float(fanova[n]) for n in levels}
