"""Pictures show what they are given, whatever was drawn before them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from sweeps import pictures
from sweeps.pictures import DPI, SIZE, confusion_picture, points_picture

CLASSES = ("no", "yes")
TITLE = "smote k=5\ndev rows"


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(png)))


def darkness(png: bytes) -> np.ndarray:
    """How dark the quarters of the matrix are, (2, 2), in the order of its cells."""
    image = 1 - pixels(png)[:, :, 0]  # red: Blues has the less of it the darker it is
    rows, columns = (np.flatnonzero((image > 0.01).mean(axis) > 0.6) for axis in (1, 0))
    square = image[rows[0] : rows[-1], columns[0] : columns[-1]]
    halves = [np.array_split(half, 2, axis=1) for half in np.array_split(square, 2, axis=0)]
    return np.array([[np.median(quarter) for quarter in half] for half in halves])


def sketch(classes: int = 2, scale: float = 1.0, made: int = 5) -> dict[str, Any]:
    generator = np.random.default_rng(classes)
    real = [[*scale * generator.normal(size=2), row % classes] for row in range(30)]
    synthetic = [[*scale * generator.normal(size=2), 0] for _ in range(made)]
    lines = [[row, *real[row][:2]] for row in range(made)]
    return {"real": real, "synthetic": synthetic, "lines": lines, "explained": 0.4}


def forget() -> None:
    pictures._confusion.cache_clear()
    pictures._plane.cache_clear()


@pytest.mark.parametrize("size", [1, 2, 5, 6, 12, 13, 40])
def test_a_matrix_of_any_size_has_a_picture(size: int) -> None:
    names = [f"a class of some name {number}" for number in range(size)]
    png = confusion_picture(np.eye(size, dtype=int).tolist(), names, TITLE)
    assert pixels(png).shape[:2] == (round(SIZE[1] * DPI), round(SIZE[0] * DPI))


def test_rows_are_the_truth_and_shares_are_of_rows() -> None:
    shown = darkness(confusion_picture([[30, 10], [0, 2]], CLASSES, TITLE))
    expected = [[0.75, 0.25], [0, 1]]
    assert np.argsort(shown, axis=None).tolist() == np.argsort(expected, axis=None).tolist()


def test_a_confusion_does_not_depend_on_what_was_drawn_before() -> None:
    first, second = [[9, 1], [2, 8]], [[0, 10], [10, 0]]
    alone = confusion_picture(first, CLASSES, TITLE)
    other = confusion_picture(second, CLASSES, "another title, which is longer\nand has a second line")
    assert confusion_picture(first, CLASSES, TITLE) == alone != other
    forget()
    assert confusion_picture(first, CLASSES, TITLE) == alone


def test_a_title_changes_nothing_but_the_title() -> None:
    one, two = (pixels(confusion_picture([[9, 1], [2, 8]], CLASSES, title)) for title in (TITLE, "a\nb"))
    changed = np.flatnonzero((one != two).any((1, 2)))
    assert len(changed) > 0
    assert changed[-1] < 0.12 * len(one)


OTHERS = (sketch(3), sketch(2, scale=1e5), sketch(7, made=1), sketch() | {"lines": []})


@pytest.mark.parametrize("before", OTHERS)
def test_points_do_not_depend_on_what_was_drawn_before(before: dict[str, Any]) -> None:
    forget()
    names = [f"class {number}" for number in range(7)]
    alone = points_picture(sketch(), CLASSES, TITLE)
    assert points_picture(before, names, "another\ntitle") != alone
    assert points_picture(sketch(), CLASSES, TITLE) == alone


def test_all_points_are_within_the_axes() -> None:
    far = sketch() | {"real": [[0, 0, 0], [1, 1, 1]], "synthetic": [[50, -70, 0]], "lines": [[0, -90, 3]]}
    points_picture(far, CLASSES, TITLE)
    [axes] = pictures._plane().axes
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert left < -90 < 50 < right
    assert bottom < -70 < 3 < top


def test_threads_do_not_draw_into_each_other() -> None:
    matrices = [[[n, 10 - n], [n, 20]] for n in range(8)]
    alone = [confusion_picture(matrix, CLASSES, TITLE) for matrix in matrices]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda matrix: confusion_picture(matrix, CLASSES, TITLE), matrices * 3))
    assert together == alone * 3
