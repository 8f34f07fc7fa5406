"""The picture: a plane of the real training rows, synthetic rows between their parents."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from synaug.evaluate import Replicate
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Method
from synaug.neighbors import NeighborGraph
from synaug.randomness import Streams
from synaug.sketch import sketch

FOLDS = np.arange(540) % 4
ROWS = np.arange(60, 600)  # the draw does not start at the first row of X
Y = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [460, 90, 50]))
X = (np.random.default_rng(1).normal(size=(600, 20)) * np.linspace(3, 0.1, 20)).astype(np.float32)


def replicate(X: np.ndarray = X, y: np.ndarray = Y) -> Replicate:
    graphs = {"euclidean": NeighborGraph.build(X, ROWS, y[ROWS], "euclidean", 12)}
    return Replicate(X, y, ("a", "b", "c"), Draw(0, ROWS, FOLDS, ROWS[:0]), graphs, Streams(0, "ab" * 32))


def arm(name: str, **knobs: Any) -> Method:
    return METHODS[name](**knobs)


DATA = replicate()
TRAIN = ROWS[FOLDS != 0]


def plane_of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Centre, two main axes (2, d) and their share of the variance, by singular values."""
    centre = X[rows].mean(0)
    _, singular, axes = np.linalg.svd(X[rows] - centre, full_matrices=False)
    return centre, axes[:2], float((singular[:2] ** 2).sum() / (singular**2).sum())


def drawn(points: list[list[float]]) -> np.ndarray:
    """Coordinates of points (n, 2), without their class."""
    return np.asarray(points)[:, :2]


def test_real_rows_lie_in_the_plane_of_their_two_main_axes() -> None:
    picture = sketch(arm("smote"), DATA)
    centre, axes, explained = plane_of(TRAIN)
    assert picture["explained"] == pytest.approx(explained, abs=1e-5)
    expected = np.abs((X[TRAIN] - centre) @ axes.T)  # (n, 2), whatever the sign of an axis
    got = np.abs(drawn(picture["real"]))
    nearest = np.abs(got[:, None] - expected[None]).max(-1).argmin(1)
    assert np.abs(got - expected[nearest]).max() < 1e-3
    assert len(set(nearest)) == len(got) == 400
    assert [code for *_, code in picture["real"]] == Y[TRAIN[nearest]].tolist()


@pytest.mark.parametrize("sizes", [(460, 90, 50), (20, 290, 290)])
def test_no_row_of_a_small_class_is_left_out(sizes: tuple[int, ...]) -> None:
    y = np.random.default_rng(2).permutation(np.repeat([0, 1, 2], sizes))
    shown = [code for *_, code in sketch(arm("smote"), replicate(y=y))["real"]]
    for code, size in enumerate(sizes):
        assert shown.count(code) == (y[TRAIN] == code).sum() or size > 200
    assert len(shown) == 400


def test_lines_run_to_the_parents_between_which_a_row_lies() -> None:
    picture = sketch(arm("smote"), DATA)
    lines, made = np.asarray(picture["lines"]), drawn(picture["synthetic"])
    assert lines.shape == (60, 3)
    for index, (code, first, second, share) in enumerate(picture["parents"]):
        assert Y[first] == Y[second] == code == picture["synthetic"][index][2]
        assert first in TRAIN
        assert second in TRAIN
        ends = lines[lines[:, 0] == index, 1:]
        np.testing.assert_allclose(made[index], (1 - share) * ends[0] + share * ends[1], atol=3e-4)
        length = np.linalg.norm((X[first] - X[second]) @ plane_of(TRAIN)[1].T)
        assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(length, abs=1e-3)


def test_copies_lie_on_their_parent() -> None:
    picture = sketch(arm("ros"), DATA)
    made = drawn(picture["synthetic"])
    for index, *end in picture["lines"]:
        np.testing.assert_allclose(made[int(index)], end, atol=1.1e-4)  # both are rounded to 4 digits


def test_held_out_rows_change_nothing() -> None:
    spoilt = X.copy()
    spoilt[ROWS[FOLDS == 0]] += 100
    assert sketch(arm("smote"), replicate(spoilt)) == sketch(arm("smote"), DATA)


def test_a_picture_is_small_and_travels_as_json() -> None:
    picture = sketch(arm("smote", ratio=200.0), DATA)
    assert json.loads(json.dumps(picture)) == picture
    assert len(picture["synthetic"]) == 200
    few = sketch(arm("smote", ratio=12.5), DATA)
    counts = np.bincount(Y[TRAIN])
    assert len(few["synthetic"]) == sum(round((counts[0] - counts[c]) / 8) for c in (1, 2))


def test_rows_without_parents_have_no_lines() -> None:
    picture = sketch(arm("vae", epochs=3), DATA)
    assert len(picture["synthetic"]) == 200
    assert picture["lines"] == picture["parents"] == []


@pytest.mark.parametrize("method", [arm("none"), arm("smote", ratio=0.0), arm("smote", k=500)], ids=str)
def test_no_synthetic_rows_no_picture(method: Method) -> None:
    assert sketch(method, DATA) == {}
    assert sketch(arm("smote"), DATA)


def test_the_plane_is_rated_by_the_neighbours_that_it_keeps() -> None:
    picture = sketch(arm("smote"), DATA)
    assert 0.5 < picture["trustworthiness"] < 1
    flat = X.copy()
    flat[:, 2:] = 0  # two dimensions: the plane loses nothing
    assert sketch(arm("smote"), replicate(flat))["trustworthiness"] == pytest.approx(1, abs=1e-6)
