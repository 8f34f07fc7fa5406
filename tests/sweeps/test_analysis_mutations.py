"""The known-answer checks turn red when the mistake that they are for is made.

Every check takes what it checks as an argument, passes on the right one and fails on a wrong one.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from sweeps.analysis import Difference, nadeau_bengio, ranks, student, surrogate, variance
from sweeps.analysis.jackknife import Jackknifed, of_its_own
from synaug.methods.smote import Smote
from synaug.mixing import GraphNeighbors
from synaug.sampler import Oversampler
from tests.sweeps.planted import AXES, NONE, SHAPES, grid
from tests.sweeps.planted import SMOTE as SMOTE_CELL

SONAR = [-1.449, 0.0, -5.797, -1.47, 2.941, -1.47, 2.941, 1.471, 4.411, 1.471]


def check_correlated_folds(test: Callable[[Any, float], Difference]) -> None:
    """A3 and A6: the corrected standard error of the sonar example, and its error of the first kind."""
    d = test(SONAR, 1 / 9)
    assert d.se == pytest.approx(1.371415, abs=5e-7)
    random = np.random.default_rng(6)
    shared = random.normal(size=(4000, 1)) * math.sqrt(0.1)
    draws = shared + random.normal(size=(4000, 10)) * math.sqrt(0.9)
    assert np.mean([test(row, 1 / 9).excludes_zero() for row in draws]) <= 0.065


def test_the_variance_of_repeated_folds_divided_by_their_number() -> None:
    check_correlated_folds(nadeau_bengio)
    with pytest.raises(AssertionError):
        check_correlated_folds(lambda differences, _: student(differences))


def test_the_error_of_uncorrected_folds_alone_is_enough_to_see_it() -> None:
    def almost(differences: Any, extra: float) -> Difference:
        d = nadeau_bengio(differences, extra)
        return d if len(differences) == 10 and list(differences) == SONAR else student(differences)

    with pytest.raises(AssertionError, match=r"0\.065"):
        check_correlated_folds(almost)


def check_common_random_numbers(table: pd.DataFrame) -> None:
    """Cells share their draw: their differences vary far less than their scores."""
    spread = (table[SMOTE_CELL] - table[NONE]).std()
    assert spread < 0.5 * table[NONE].std()
    d = student((table[SMOTE_CELL] - table[NONE]).to_numpy())
    assert d.verdict() == "better"


def test_draws_that_cells_do_not_share() -> None:
    table = next(SHAPES[0].ledgers(1, 10))
    check_common_random_numbers(table)
    random = np.random.default_rng(4)
    with pytest.raises(AssertionError):
        check_common_random_numbers(table.apply(lambda cell: random.permutation(cell.to_numpy())))


def noise_rows(seed: int) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.normal(size=(400, 32)), random.permutation(np.repeat([0, 1], [360, 40]))


def sound(X: Any, y: Any, model: Any) -> float:
    """Balanced accuracy by ten folds, the training part of each over-sampled."""
    guess = np.empty(len(y))
    for train, held in StratifiedKFold(10, shuffle=True, random_state=0).split(X, y):
        rows = RandomOverSampler(random_state=0).fit_resample(X[train], y[train])
        guess[held] = model.fit(*rows).predict(X[held])
    return float(balanced_accuracy_score(y, guess))


def leaky(X: Any, y: Any, model: Any) -> float:
    """The same with copies made before the split."""
    X, y = RandomOverSampler(random_state=0).fit_resample(X, y)
    return sound(X, y, model)


def check_canary(score: Callable[..., float], model: Any) -> None:
    """A20: labels that are noise are guessed as by a coin."""
    assert abs(mean_score(score, model) - 0.5) <= 0.05


def mean_score(score: Callable[..., float], model: Any) -> float:
    return float(np.mean([score(*noise_rows(seed), model) for seed in range(8)]))


@pytest.mark.parametrize(
    ("model", "published"), [(KNeighborsClassifier(1), 0.943), (LogisticRegression(), 0.682)]
)
def test_resampling_before_the_split(model: Any, published: float) -> None:
    check_canary(sound, model)
    with pytest.raises(AssertionError):
        check_canary(leaky, model)
    assert mean_score(leaky, model) == pytest.approx(published, abs=0.03)


def check_neighbors() -> None:
    """A15: k counts the neighbors beside the row itself, as an integer does for imbalanced-learn."""
    random = np.random.default_rng(5)
    X, y = random.normal(size=(150, 6)), np.repeat([0, 1], [110, 40])
    ours, theirs = (
        sampler.fit_resample(X, y)[0][150:]
        for sampler in (Oversampler(Smote(k=5), random_state=1), SMOTE(k_neighbors=5, random_state=1))
    )
    np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(theirs, axis=0), atol=1e-6)


def test_one_neighbor_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    check_neighbors()
    init = GraphNeighbors.__init__
    monkeypatch.setattr(
        GraphNeighbors, "__init__", lambda self, part, metric, k: init(self, part, metric, k - 1)
    )
    with pytest.raises(AssertionError):
        check_neighbors()


def balanced(minority: float, majority: float) -> float:
    return (minority + majority) / 2


def plain(minority: float, majority: float) -> float:
    return (minority + 10 * majority) / 11


def check_score_of_folds(score: Callable[[float, float], float]) -> None:
    """A12: two Gaussians, ten to one: a moved threshold is .8413 on the balanced test set, none .7121."""

    def at(rho: float) -> float:
        shift = math.log(rho) / 2
        return score(float(stats.norm.cdf(1 - shift)), float(stats.norm.cdf(1 + shift)))

    assert (at(10), at(1)) == pytest.approx((0.7121, 0.8413), abs=5e-5)


def test_plain_accuracy_on_imbalanced_folds() -> None:
    check_score_of_folds(balanced)
    with pytest.raises(AssertionError):
        check_score_of_folds(plain)
    shift = math.log(10) / 2
    none = plain(float(stats.norm.cdf(1 - shift)), float(stats.norm.cdf(1 + shift)))
    assert none > plain(0.8413, 0.8413)  # it would even choose the worse one


def check_shares_of_noise() -> None:
    """A16: with noise of a point and five replicates the interaction's share is .019, not .061."""
    shape, random = SHAPES[0], np.random.default_rng(16)
    truth = shape.truth[-len(AXES) :]
    found = []
    for _ in range(60):
        table = pd.DataFrame(truth + random.normal(0, 1, size=(5, len(truth))))
        cells = grid(pd.concat([pd.DataFrame(np.zeros((5, 3))), table], axis=1))
        found.append(variance.variance_shares(cells, AXES, random, permutations=0)["k:ratio"].share)
    assert np.mean(found) < 0.03  # the truth is 0: the shape is additive


def test_shares_that_are_not_corrected_for_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    check_shares_of_noise()

    def raw(gram: Any) -> Jackknifed:
        return Jackknifed(float(gram.sum()) / len(gram) ** 2, of_its_own(gram).without)

    monkeypatch.setattr(variance, "in_common", raw)
    with pytest.raises(AssertionError):
        check_shares_of_noise()


def check_importances_of_noise() -> None:
    """Importances of pure noise are not reported."""
    random = np.random.default_rng(4)
    found = surrogate.second_view({cell: float(random.normal()) for cell in AXES}, AXES, random)
    assert max(found.fanova.values(), default=0.0) < 0.1


def test_normalised_importances_on_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    check_importances_of_noise()
    monkeypatch.setattr(surrogate, "ENOUGH_R2", -math.inf)
    evaluate = surrogate._importances

    def normalised(*given: Any) -> Any:
        return tuple({n: v / sum(found.values()) for n, v in found.items()} for found in evaluate(*given))

    monkeypatch.setattr(surrogate, "_importances", normalised)
    with pytest.raises(AssertionError):
        check_importances_of_noise()


def check_blocks(correlation: float = 0.1, folds: int = 10, methods: int = 4) -> None:
    """Equal methods on one data set: they may be called different in one of twenty, if at all."""
    random, wrong, runs = np.random.default_rng(3), 0, 1000
    index = pd.Index(["one data set"] * folds)
    for _ in range(runs):
        own = random.normal(size=methods) * math.sqrt(correlation)  # of a method on these rows
        scores = own + random.normal(size=(folds, methods)) * math.sqrt(1 - correlation)
        p = ranks.friedman(pd.DataFrame(scores, index=index)).p_F
        wrong += p is not None and p <= 0.05
    assert wrong / runs <= 0.065, wrong / runs


def test_folds_as_blocks_of_friedman(monkeypatch: pytest.MonkeyPatch) -> None:
    check_blocks()
    monkeypatch.setattr(ranks, "_why_not", lambda complete: None)
    check_blocks(correlation=0.0)  # independent blocks: the test itself is sound
    with pytest.raises(AssertionError, match=r"0\.2"):
        check_blocks()
