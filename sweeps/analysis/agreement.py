"""Which settings move a gain by two surrogates, told only where they predict and agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .surrogate import ENOUGH_R2, FOLDS, TREES

Array = npt.NDArray[np.float64]
RESAMPLES = 200
FEWEST = 64  # settings; with 32 the intervals of RBD-FAST are +-0.7 and tell nothing
HARMONICS = 4  # of RBD-FAST; its usual 10 want several hundred settings


@dataclass(frozen=True)
class Agreement:
    """First-order indices of the settings by two ways.

    Attributes:
        rbd_fast: by RBD-FAST (Tarantola, Gatelli and Mara 2006, doi:10.1016/j.ress.2005.06.003), with the
            ends of its 95 % interval; empty when ``reason`` says why.
        fanova: by a random forest.
        r2: R2 of the forest on settings that it was not fitted to; None when it was not computed.
        settings: number of settings.
        reason: why nothing is told.
    """

    rbd_fast: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    fanova: Mapping[str, float] = field(default_factory=dict)
    r2: float | None = None
    settings: int = 0
    reason: str | None = None


def agreed(
    gains: Sequence[float], settings: Sequence[Mapping[str, float]], random: np.random.Generator
) -> Agreement:
    """Ask RBD-FAST and fANOVA which settings a mean gain depends on.

    Nothing is told with fewer than 64 settings, where a forest does not predict settings that it has
    not seen (R2 at most 0.5), or where fANOVA lies outside of the interval of RBD-FAST.

    Args:
        gains: the mean gain at each setting.
        settings: values above 0 of each, taken on a log scale.
        random: seeds forests, folds and resamples.
    """
    count = len(settings)
    if count < FEWEST:
        return Agreement(settings=count, reason=f"a surrogate needs {FEWEST} settings, got {count}")
    names = list(settings[0])
    X = np.log10([[float(point[name]) for name in names] for point in settings])
    y = np.asarray(gains, dtype=np.float64)
    seeds = [int(seed) for seed in random.integers(2**31, size=3)]
    r2 = _r2(X, y, seeds[0])
    if r2 <= ENOUGH_R2:
        text = f"the surrogate explains unseen settings too badly (R2 {r2:.2f}, more than {ENOUGH_R2} needed)"
        return Agreement(r2=r2, settings=count, reason=text)
    rbd, fanova = _rbd_fast(X, y, names, seeds[1]), _fanova(X, y, names, seeds[2])
    apart = [name for name in names if not rbd[name][1] <= fanova[name] <= rbd[name][2]]
    if apart:
        text = f"RBD-FAST and fANOVA do not agree on {', '.join(apart)}"
        return Agreement(r2=r2, settings=count, reason=text)
    return Agreement(rbd, fanova, r2, count)


def _r2(X: Array, y: Array, seed: int) -> float:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    forest = RandomForestRegressor(TREES, random_state=seed)
    return float(r2_score(y, cross_val_predict(forest, X, y, cv=folds)))


def _rbd_fast(X: Array, y: Array, names: list[str], seed: int) -> dict[str, tuple[float, float, float]]:
    from SALib.analyze import rbd_fast

    bounds = np.column_stack([X.min(axis=0), X.max(axis=0)]).tolist()
    problem = {"num_vars": len(names), "names": names, "bounds": bounds}
    found: Mapping[str, Any] = rbd_fast.analyze(
        problem, X, y, M=HARMONICS, num_resamples=RESAMPLES, seed=seed
    )
    parts = zip(names, found["S1"], found["S1_conf"], strict=True)
    return {name: (float(s), float(s - half), float(s + half)) for name, s, half in parts}


def _fanova(X: Array, y: Array, names: list[str], seed: int) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(float(low), float(high))
        for name, low, high in zip(names, X.min(axis=0), X.max(axis=0), strict=True)
    }
    study = optuna.create_study()
    trials = [
        optuna.trial.create_trial(
            params=dict(zip(names, map(float, row), strict=True)), distributions=distributions, value=value
        )
        for row, value in zip(X, y.tolist(), strict=True)
    ]
    study.add_trials(trials)
    found = optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=seed).evaluate(study)
    return {name: float(found[name]) for name in names}
