"""The batched trainer against plain autograd on materialised rows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from synaug.classifiers.mlp import train_ladder
from synaug.classifiers.network import first_values, parts, shapes_of
from synaug.classifiers.options import FoldRows, MlpOptions

OPTIONS = MlpOptions(ladder=(1, 3, 10), hidden=16)
RNG = np.random.default_rng(7)
N, D, S = 60, 12, 25
X = RNG.normal(size=(N, D)).astype(np.float32)
Y = np.arange(N) % 3
FOLDS = np.arange(N) // 3 % 4
NEW = RNG.normal(size=(9, D)).astype(np.float32)


def fold_rows(kind: str, fold: int) -> FoldRows:
    train = np.flatnonzero(fold != FOLDS)
    rng = np.random.default_rng(fold)
    weight = np.zeros(N, dtype=np.float32)
    weight[train] = 1 if kind != "weighted" else rng.uniform(0.5, 2, len(train))
    s = 0 if kind in ("none", "weighted", "focal") else S
    parents = rng.choice(train, (s, 2))
    if kind == "copies":
        parents[:, 1] = parents[:, 0]
    share = np.zeros(s, np.float32) if kind == "copies" else rng.uniform(size=s).astype(np.float32)
    labels, ones = Y[parents[:, 0]], np.ones(s, np.float32)
    dense = rng.normal(size=(s, D)).astype(np.float32) if kind == "dense" else None
    if kind.startswith("taken"):  # some parents stay, others are taken away
        weight[train[::4]] = 0
        if kind == "taken-copies":
            parents[:, 1] = parents[:, 0]
    return FoldRows(weight, labels, ones, parents, share, dense, 2.0 if "focal" in kind else 0.0)


def materialised(rows: FoldRows) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    first, second = X[rows.parents[:, 0]], X[rows.parents[:, 1]]
    new = first + rows.share[:, None] * (second - first) if rows.rows is None else rows.rows
    train = rows.weight > 0
    features = np.concatenate([X[train], new])
    labels = np.concatenate([Y[train], rows.labels])
    weight = np.concatenate([rows.weight[train], rows.label_weight])
    return torch.from_numpy(features), torch.from_numpy(labels), torch.from_numpy(weight)


def autograd_logits(rows: FoldRows, generator: np.random.Generator) -> dict[int, torch.nn.Module]:
    """Train with torch's own layers, loss and optimiser; the network after each rung."""
    features, labels, weight = materialised(rows)
    net = torch.nn.Sequential(torch.nn.Linear(D, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    with torch.no_grad():
        for layer, fan_in in ((net[0], D), (net[2], 16)):
            bound = fan_in**-0.5
            shape = (fan_in, layer.out_features)
            layer.weight.copy_(torch.from_numpy(generator.uniform(-bound, bound, shape)).T)
            layer.bias.copy_(torch.from_numpy(generator.uniform(-bound, bound, layer.out_features)))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    rungs = {}
    for step in range(1, 11):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(features), labels, reduction="none")
        loss = (1 - torch.exp(-loss)) ** rows.gamma * loss
        ((loss * weight).sum() / weight.sum()).backward()
        optimiser.step()
        if step in OPTIONS.ladder:
            rungs[step] = (net(torch.from_numpy(X)).detach(), net(torch.from_numpy(NEW)).detach())
    return rungs


KINDS = ["none", "weighted", "copies", "mixed", "dense", "taken", "taken-copies", "focal", "mixed-focal"]


@pytest.mark.parametrize("kind", KINDS)
def test_equals_autograd_on_materialised_rows(kind: str) -> None:
    folds = [fold_rows(kind, fold) for fold in range(4)]
    ours = train_ladder(X, Y, FOLDS, folds, NEW, 3, OPTIONS, [np.random.default_rng(f) for f in range(4)])
    for fold, rows in enumerate(folds):
        theirs = autograd_logits(rows, np.random.default_rng(fold))
        mine = fold == FOLDS
        for rung, steps in enumerate(OPTIONS.ladder):
            real, new = theirs[steps]
            np.testing.assert_allclose(ours.held[rung, mine], real[mine], atol=2e-4)
            np.testing.assert_allclose(ours.scored[rung, fold], new, atol=2e-4)
            seen = rows.weight > 0
            if kind == "taken-copies":
                seen[rows.parents[:, 0]] = True
            hit = (real.argmax(1).numpy() == Y)[seen]
            expected = [hit[Y[seen] == c].mean() for c in range(3)]
            np.testing.assert_allclose(ours.train_recall[rung, fold], expected, atol=1e-6)


def test_a_fold_does_not_depend_on_the_other_folds() -> None:
    folds = [fold_rows("mixed", fold) for fold in range(4)]
    generators = [np.random.default_rng(f) for f in range(4)]
    together = train_ladder(X, Y, FOLDS, folds, NEW, 3, OPTIONS, generators)
    held_out = np.where(FOLDS == 2, 0, -1)
    alone = train_ladder(X, Y, held_out, folds[2:3], NEW, 3, OPTIONS, [np.random.default_rng(2)])
    assert np.array_equal(together.scored[:, 2], alone.scored[:, 0])
    assert np.array_equal(together.held[:, FOLDS == 2], alone.held[:, FOLDS == 2])


def test_shared_rows_are_read_only_and_stay_as_they_are() -> None:
    shared = X.copy()
    shared.setflags(write=False)
    train_ladder(shared, Y, FOLDS, [fold_rows("mixed", 0)], shared[:5], 3, OPTIONS, [RNG])
    assert np.array_equal(shared, X)


def test_bfloat16_products_give_nearly_the_same_logits() -> None:
    folds, options = [fold_rows("mixed", 0)], MlpOptions(OPTIONS.ladder, 16, precision="bfloat16")
    exact = train_ladder(X, Y, FOLDS, folds, NEW, 3, OPTIONS, [np.random.default_rng(0)])
    rough = train_ladder(X, Y, FOLDS, folds, NEW, 3, options, [np.random.default_rng(0)])
    assert np.abs(exact.scored - rough.scored).max() < 0.05
    assert np.abs(exact.scored - rough.scored).max() > 0


@pytest.mark.parametrize("init", ["torch", "glorot"])
def test_first_weights_are_uniform_within_the_bounds_of_the_library(init: str) -> None:
    options = MlpOptions(hidden=60, init=init)
    values = first_values(np.random.default_rng(0), 40, 3, options)
    if init == "torch":
        layers = [torch.nn.Linear(40, 60), torch.nn.Linear(60, 3)]
        theirs = [t.detach().numpy() for layer in layers for t in (layer.weight, layer.bias)]
    else:
        network = MLPClassifier((60,), max_iter=1, learning_rate_init=1e-12, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            network.fit(np.eye(40)[np.arange(40)], np.arange(40) % 3)
        theirs = [network.coefs_[0], network.intercepts_[0], network.coefs_[1], network.intercepts_[1]]
    for ours, expected in zip(parts(values, shapes_of(40, 60, 3)), theirs, strict=True):
        assert ours.size == expected.size
        if ours.size > 10:
            assert np.abs(ours).max() == pytest.approx(np.abs(expected).max(), rel=0.12)
            assert np.abs(ours).mean() == pytest.approx(np.abs(ours).max() / 2, rel=0.2)
