"""The second view of importance: agrees where it must, is silent on noise."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from sweeps.analysis.surrogate import SecondView, second_view

AXES: dict[Any, dict[str, Any]] = {
    (k, metric, ratio): {"k": k, "metric": metric, "ratio": ratio, "arm": "smote"}
    for k, metric, ratio in product((1, 3, 5, 7, 10), ("euclidean", "cosine"), (25, 50, 75, 100, 150, 200))
}


def view(scores: dict[Any, float]) -> SecondView:
    return second_view(scores, AXES, np.random.default_rng(0))


def test_an_inert_axis_has_no_importance_and_the_larger_effect_more() -> None:
    found = view({cell: 80 + 0.5 * cell[0] - (cell[2] - 100) ** 2 / 10_000 for cell in AXES})
    assert found.reason is None
    assert found.r2 is not None
    assert found.r2 > 0.8
    assert set(found.fanova) == set(found.ped_anova) == {"k", "metric", "ratio"}
    assert found.fanova["k"] > 10 * found.fanova["metric"]
    assert found.fanova["k"] > 3 * found.fanova["ratio"]
    assert found.ped_anova["metric"] < found.ped_anova["k"]
    assert "second view" in found.label


def test_ped_anova_looks_for_large_scores() -> None:
    """One level of k holds the best tenth; among the worst cells k does not matter."""
    scores = {cell: 70.0 + 10 * (cell[0] == 5) + 0.01 * cell[2] for cell in AXES}
    best = view(scores).ped_anova
    worst = view({cell: -score for cell, score in scores.items()}).ped_anova
    assert best["k"] > best["ratio"]
    assert worst["k"] < best["k"]


def test_on_noise_nothing_is_reported() -> None:
    random = np.random.default_rng(4)
    found = view({cell: float(random.normal()) for cell in AXES})
    assert (found.fanova, found.ped_anova) == ({}, {})
    assert found.r2 is not None
    assert found.r2 <= 0.5
    assert "explains unseen cells too badly" in (found.reason or "")


def test_few_cells_are_not_enough() -> None:
    found = view({cell: 1.0 for cell in list(AXES)[:10]})
    assert found.r2 is None
    assert "20 cells" in (found.reason or "")


def test_the_same_seed_gives_the_same_importances() -> None:
    scores = {cell: 80 + 0.5 * cell[0] for cell in AXES}
    assert view(scores) == view(scores)
    assert view(scores).fanova["k"] == pytest.approx(view(scores).fanova["k"])
