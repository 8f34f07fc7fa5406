"""Planted ledgers, 2,000 a shape: intervals hold the truth, clones are equal, optima are found.

Half of the ledgers have 5 replicates, half 10. They are asked as tables, for speed; that lines of a ledger
say the same is shown for one of each shape.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pandas as pd
import pytest

from sweeps.analysis import gather, student
from sweeps.analysis.best import best_levels
from sweeps.analysis.dose import dose_response
from sweeps.analysis.families import family
from sweeps.analysis.hinge import hinge
from sweeps.analysis.intersection import all_equivalent
from sweeps.analysis.paired import MARGIN
from sweeps.analysis.scores import Side, contrast, own_budget, side_values, table
from sweeps.analysis.variance import VarianceShares, variance_shares
from sweeps.answers import ask
from tests.sweeps.planted import (
    AXES,
    FIRST,
    GRID,
    NONE,
    NONE_CLONE,
    RATIO,
    SD,
    SEED,
    SHAPES,
    SMOTE,
    SMOTE_CLONE,
    K,
    Shape,
    grid,
    lines,
    over,
)

LEDGERS = 2000
BY_NAME = {shape.name: shape for shape in SHAPES}
MIXED = ("interaction", "heavy-tailed", "heteroscedastic")  # k and ratio interact in these
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


def ledgers(shape: Shape, count: int = LEDGERS) -> Iterator[pd.DataFrame]:
    return chain(shape.ledgers(count // 2, 5), shape.ledgers(count - count // 2, 10))


def share(held: int, count: int = LEDGERS) -> float:
    return held / count


@every_shape
def test_intervals_of_paired_differences_cover_the_truth(shape: Shape) -> None:
    true = shape.truth[SMOTE] - shape.truth[NONE]
    held = 0
    for found in ledgers(shape):
        interval = student((found[SMOTE] - found[NONE]).to_numpy()).interval()
        assert interval is not None
        held += interval[0] <= true <= interval[1]
    assert 0.93 <= share(held) <= 0.97


@every_shape
def test_A24_clones_are_rarely_called_different(shape: Shape) -> None:
    verdicts = Counter(
        student((found[clone] - found[original]).to_numpy()).verdict(MARGIN)
        for found in ledgers(shape)
        for original, clone in ((NONE, NONE_CLONE), (SMOTE, SMOTE_CLONE))
    )
    different = sum(count for name, count in verdicts.items() if name not in ("equivalent", "inconclusive"))
    assert verdicts.total() == 2 * LEDGERS
    assert 0 < share(different, 2 * LEDGERS) <= 0.065


@pytest.mark.slow
@pytest.mark.parametrize("name", ["peaked ratio", "plateau ratio", "flat k", "heteroscedastic"])
@pytest.mark.parametrize("replicates", [5, 10])
def test_a_planted_optimum_of_ratio_is_in_the_confidence_set(name: str, replicates: int) -> None:
    shape, random = BY_NAME[name], np.random.default_rng(SEED)
    true = pd.Series(shape.truth[FIRST:], index=pd.MultiIndex.from_tuples(GRID)).groupby(level=1).mean()
    optimum = float(true.idxmax())
    held = sizes = 0
    for found in shape.ledgers(LEDGERS // 2, replicates):
        one_k = grid(found)[5]  # at one setting of k, where the noise is largest
        members = best_levels(one_k, random).members
        held += optimum in members
        sizes += len(members)
    assert share(held, LEDGERS // 2) >= 0.935
    assert sizes / (LEDGERS // 2) < len(RATIO)  # a set of all levels says nothing


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flat k", "plateau ratio"])
def test_a_planted_irrelevant_k_is_called_equivalent_or_inconclusive(name: str) -> None:
    verdicts = Counter(all_equivalent(over(found, "k"), MARGIN).verdict for found in ledgers(BY_NAME[name]))
    assert share(verdicts["equivalent"] + verdicts["inconclusive"]) >= 0.935
    assert share(verdicts["equivalent"]) >= 0.5  # the design is large enough to say it


@pytest.mark.slow
@pytest.mark.parametrize("name", MIXED)
def test_planted_interaction_shares_are_within_their_intervals(name: str) -> None:
    shape = BY_NAME[name]
    truth = pd.DataFrame([shape.truth[FIRST:]] * 3, columns=pd.MultiIndex.from_tuples(GRID))
    true = _shares(truth)
    within = dict.fromkeys(("k", "ratio", "k:ratio"), 0)
    for found in ledgers(shape):
        shares = _shares(grid(found))
        for effect in within:
            within[effect] += shares[effect].low <= (true[effect].share or 0) <= shares[effect].high
    assert true["k:ratio"].share == pytest.approx(0.03, abs=0.02)
    assert {effect: share(held) for effect, held in within.items() if share(held) < 0.93} == {}
    assert share(within["k"]) <= 0.975
    assert share(within["ratio"]) <= 0.975


def _shares(found: pd.DataFrame) -> VarianceShares:
    return variance_shares(found, AXES, np.random.default_rng(0), permutations=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["additive", "heavy-tailed", "heteroscedastic"])
def test_the_band_of_a_dose_response_holds_the_whole_curve(name: str) -> None:
    shape, random, held, count = BY_NAME[name], np.random.default_rng(SEED), 0, 1000
    true = shape.truth[FIRST:].reshape(len(K), len(RATIO))[K.index(5)] - shape.truth[NONE]
    for found in ledgers(shape, count):
        with_none = grid(found)[5]
        with_none.insert(0, 0.0, found[NONE])
        points = dose_response(with_none, random).points[1:]
        held += all(p.low <= t <= p.high for p, t in zip(points, true, strict=True))  # type: ignore[operator]
    assert 0.93 <= share(held, count) <= 0.975


@pytest.mark.slow
@pytest.mark.parametrize("name", ["additive", "heteroscedastic"])
def test_a_planted_change_point_is_within_its_interval(name: str) -> None:
    shape, random, held, count = BY_NAME[name], np.random.default_rng(SEED), 0, 300
    for found in ledgers(shape, count):
        turn = hinge(over(found, "ratio"), random, resamples=1000).turn
        assert turn is not None
        held += turn.low <= 100 <= turn.high
    assert share(held, count) >= 0.935


@pytest.mark.slow
def test_a_family_of_equal_arms_has_a_false_difference_in_one_of_twenty() -> None:
    random, wrong = np.random.default_rng(SEED), 0
    for _ in range(LEDGERS):
        arms = random.normal(0, SD, size=(10, 6))
        differences = {str(i): student(arms[:, i] - arms[:, 0]) for i in range(1, 6)}
        wrong += bool(family("F1", differences).rejected())
    assert 0.02 <= share(wrong) <= 0.065


@every_shape
def test_ledger_lines_give_what_the_table_gives(shape: Shape) -> None:
    found = next(shape.ledgers(1, 10))
    evidence = gather(lines(found))
    budget, keys = own_budget(evidence), [f"{i:016x}" for i in range(found.shape[1])]
    scores = 100 * table(evidence, budget)[keys]
    assert scores.to_numpy() == pytest.approx(found.to_numpy())
    d = contrast(evidence, budget, Side("none", (keys[NONE],)), Side("smote", (keys[SMOTE],)))
    expected = student((found[SMOTE] - found[NONE]).to_numpy())
    assert (d.estimate, d.se, d.n) == (pytest.approx(expected.estimate), pytest.approx(expected.se), 10)
    sides = [Side(str(k), tuple(keys[FIRST + GRID.index((k, r))] for r in RATIO)) for k in K]
    by_k = side_values(evidence, budget, sides).set_axis(list(K), axis=1)
    assert by_k.to_numpy() == pytest.approx(over(found, "k").to_numpy())


@pytest.mark.parametrize("name", ["flat k", "plateau ratio"])
def test_the_opposite_truth_turns_the_answer_round(name: str) -> None:
    said = {}
    for shape in (BY_NAME[name], BY_NAME[name].mirrored()):
        answers = ask(lines(next(shape.ledgers(1, 10))), "ratio").answers
        to_none = [a for a in answers if a.detail.get("level") == 100.0]
        assert len(to_none) == 1
        said[shape.name] = (to_none[0].verdict, np.sign(to_none[0].estimate or 0))
    assert said == {name: ("better", 1.0), f"{name} mirrored": ("worse", -1.0)}
