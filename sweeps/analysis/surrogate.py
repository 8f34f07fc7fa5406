"""A second view of importance: PED-ANOVA and fANOVA, which answer other questions than shares do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

ENOUGH_R2 = 0.5
FEWEST_CELLS = 20
FOLDS = 5
TREES = 64
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
