"""Cells trained in one batch equal each cell trained alone, whatever the batches."""

from __future__ import annotations

import numpy as np
import pytest

from synaug.classifiers.mlp import train_ladder
from synaug.classifiers.options import FoldRows, LadderLogits, MlpOptions
from synaug.classifiers.stacked import Cell, train_cells

OPTIONS = MlpOptions(ladder=(1, 3, 10), hidden=16)
RNG = np.random.default_rng(7)
N, D, FOLDS_N = 60, 12, 4
X = RNG.normal(size=(N, D)).astype(np.float32)
Y = np.arange(N) % 3
FOLDS = np.arange(N) // 3 % FOLDS_N
NEW = RNG.normal(size=(9, D)).astype(np.float32)
KINDS = ("none", "weighted", "copies", "mixed", "dense", "taken", "focal", "mixed-focal")
MEMORY = {"one batch": 1 << 30, "some batches": 40_000, "one by one": 1}


def fold_rows(kind: str, fold: int) -> FoldRows:
    """Rows of a kind; the numbers of synthetic rows differ by fold."""
    rng, train = np.random.default_rng(fold), np.flatnonzero(fold != FOLDS)
    weight = np.zeros(N, dtype=np.float32)
    weight[train] = rng.uniform(0.5, 2, len(train)) if kind == "weighted" else 1
    s = 0 if kind in ("none", "weighted", "focal") else 20 + 3 * fold
    parents = rng.choice(train, (s, 2))
    if kind == "copies":
        parents[:, 1] = parents[:, 0]
    made = rng.normal(size=(s, D)).astype(np.float32) if kind == "dense" else None
    share = rng.uniform(size=s).astype(np.float32)
    if kind == "taken":  # some parents stay, others are taken away
        weight[train[::4]] = 0
    gamma = 2.0 if "focal" in kind else 0.0
    return FoldRows(weight, Y[parents[:, 0]], np.ones(s, np.float32), parents, share, made, gamma)


def cell(kind: str) -> Cell:
    folds = range(FOLDS_N)
    return Cell([fold_rows(kind, fold) for fold in folds], [np.random.default_rng(fold) for fold in folds])


def alone(kind: str, options: MlpOptions = OPTIONS) -> LadderLogits:
    one = cell(kind)
    return train_ladder(X, Y, FOLDS, one.folds, NEW, 3, options, one.generators)


def stacked(options: MlpOptions = OPTIONS, memory: int = 1 << 30) -> list[LadderLogits]:
    cells = [cell(kind) for kind in KINDS]
    return train_cells(X, Y, FOLDS, cells, NEW, 3, options, device="cpu", memory=memory)


@pytest.mark.parametrize("memory", MEMORY)
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_a_batch_of_cells_equals_single_cells(memory: str, decay: float) -> None:
    options = MlpOptions(OPTIONS.ladder, 16, weight_decay=decay)
    for kind, found in zip(KINDS, stacked(options, MEMORY[memory]), strict=True):
        wanted = alone(kind, options)
        np.testing.assert_allclose(found.held, wanted.held, atol=1e-4, err_msg=kind)
        np.testing.assert_allclose(found.scored, wanted.scored, atol=1e-4, err_msg=kind)
        np.testing.assert_array_equal(found.train_recall, wanted.train_recall, err_msg=kind)


def test_the_same_batch_gives_the_same_bits() -> None:
    for one, other in zip(stacked(), stacked(), strict=True):
        assert np.array_equal(one.held, other.held)
        assert np.array_equal(one.scored, other.scored)


def test_bfloat16_products_give_nearly_the_same_logits() -> None:
    rough = stacked(MlpOptions(OPTIONS.ladder, 16, precision="bfloat16"))
    for one, other in zip(stacked(), rough, strict=True):
        assert 0 < np.abs(one.scored - other.scored).max() < 0.05


def test_a_training_that_diverges_shows_it() -> None:
    broken = X.copy()
    broken[0, 0] = np.inf
    (found,) = train_cells(broken, Y, FOLDS, [cell("mixed")], NEW, 3, OPTIONS, device="cpu")
    assert not np.isfinite(found.held).all()


def test_rows_without_any_to_score() -> None:
    (found,) = train_cells(X, Y, FOLDS, [cell("mixed")], NEW[:0], 3, OPTIONS, device="cpu")
    assert found.scored.shape == (3, FOLDS_N, 0, 3)
    np.testing.assert_allclose(found.held, alone("mixed").held, atol=1e-4)
