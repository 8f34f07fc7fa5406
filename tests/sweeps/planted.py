"""Hand-made ledgers whose truth is known: shapes of response to k and ratio, and of noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, ...]], Array]

SEED = 20_261_121
K = (1, 3, 5, 7)
RATIO = (25.0, 50.0, 75.0, 100.0, 150.0, 200.0)
GRID = tuple(product(K, RATIO))
NONE, NONE_CLONE, SMOTE_CLONE = 0, 1, 2  # columns before those of the grid
FIRST = 3
SMOTE = FIRST + GRID.index((5, 100.0))
SD = 0.6  # points: noise of a cell on a draw
DRAW_SD = 3.0  # points: what a draw adds to all its cells


@dataclass(frozen=True)
class Shape:
    """A true response and the noise about it, in points of balanced accuracy.

    Attributes:
        name: of the shape.
        response: true score of smote at (k, ratio); at ratio 0 it is that of none.
        noise: makes noise of standard deviation 1 (ledgers, replicates, cells).
    """

    name: str
    response: Callable[[float, float], float]
    noise: Noise

    @property
    def truth(self) -> Array:
        """True scores of all cells, in the order of the columns."""
        none = self.response(5, 0.0)
        cells = [self.response(k, ratio) for k, ratio in GRID]
        return np.array([none, none, self.response(5, 100.0), *cells])

    def ledgers(self, count: int, replicates: int) -> Iterator[pd.DataFrame]:
        """Draw tables of scores in points: rows replicates, columns cells; always the same ones."""
        name = [ord(letter) for letter in self.name]
        random = np.random.default_rng([SEED, replicates, *name])
        size = (count, replicates, len(self.truth))
        draws = random.normal(0, DRAW_SD, size=(count, replicates, 1))
        for table in self.truth + draws + SD * self.noise(random, size):
            yield pd.DataFrame(table)

    def mirrored(self) -> Shape:
        """The shape with the opposite truth."""
        none = self.response(5, 0.0)
        return Shape(f"{self.name} mirrored", lambda k, r: 2 * none - self.response(k, r), self.noise)


def grid(table: pd.DataFrame) -> pd.DataFrame:
    """The cells of the factorial alone, with (k, ratio) as columns."""
    cells = table.iloc[:, FIRST:]
    return cells.set_axis(pd.MultiIndex.from_tuples(GRID, names=["k", "ratio"]), axis=1)


def over(table: pd.DataFrame, knob: str) -> pd.DataFrame:
    """Means at each level of ``k`` or ``ratio`` over the levels of the other one."""
    cells = table.to_numpy()[:, FIRST:].reshape(len(table), len(K), len(RATIO))
    if knob == "k":
        return pd.DataFrame(cells.mean(axis=2), index=table.index, columns=list(K))
    return pd.DataFrame(cells.mean(axis=1), index=table.index, columns=list(RATIO))


AXES = {cell: {"k": cell[0], "ratio": cell[1]} for cell in GRID}


def normal(random: np.random.Generator, size: tuple[int, ...]) -> Array:
    return random.normal(size=size)


def heavy_tailed(random: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Student's t with four degrees of freedom, scaled to standard deviation 1."""
    return random.standard_t(4, size=size) / np.sqrt(2)


def heteroscedastic(random: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Four times as much noise in the last cell as in the first."""
    spread = np.linspace(0.4, 1.6, size[-1])
    return random.normal(size=size) * spread


def _peak(ratio: float) -> float:
    return 4 * min(ratio, 100) / 100 - 1.5 * max(ratio - 100, 0) / 100


def _additive(k: float, ratio: float) -> float:
    return 76 - 0.2 * abs(k - 5) + _peak(ratio)


def _interaction(k: float, ratio: float) -> float:
    return 76 - 0.2 * abs(k - 5) * (1 + max(ratio - 100, 0) / 50) + _peak(ratio)


def _flat_k(k: float, ratio: float) -> float:
    return 76 + _peak(ratio)


def _sharp(k: float, ratio: float) -> float:
    return 76 + 0.8 * (ratio == 75.0) + 3 * (ratio > 0)


def _plateau(k: float, ratio: float) -> float:
    return 76 + 4 * min(ratio, 50) / 50


SHAPES = (
    Shape("additive", _additive, normal),
    Shape("interaction", _interaction, normal),
    Shape("flat k", _flat_k, normal),
    Shape("peaked ratio", _sharp, normal),
    Shape("plateau ratio", _plateau, normal),
    Shape("heavy-tailed", _interaction, heavy_tailed),
    Shape("heteroscedastic", _interaction, heteroscedastic),
)


def lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Ledger lines of a table, in the format that people write by hand: results alone."""
    common = {"data": "planted", "encoder": "none", "classifier": "mlp", "steps": "folds"}
    smote = {**common, "arm": "smote", "metric": "euclidean"}
    configs: list[dict[str, Any]] = [
        {**common, "arm": "none"},
        {**common, "arm": "none", "nuisance": 1},
        {**smote, "k": 5, "ratio": 100.0, "nuisance": 1},
        *({**smote, "k": k, "ratio": ratio} for k, ratio in GRID),
    ]
    order = [NONE, SMOTE, *(i for i in range(len(configs)) if i not in (NONE, SMOTE))]
    return [
        {
            "kind": "result",
            "stage": "control" if "nuisance" in configs[i] else "design",
            "trial_key": f"{i:016x}",
            "config": configs[i],
            "replicate": int(replicate),
            "status": "ok",
            "scored_on": "dev",
            "chosen_steps": 8,
            "scores": {
                "dev_balanced_accuracy": table.iat[row, i] / 100,
                "cv_balanced_accuracy": table.iat[row, i] / 100,
            },
        }
        for i in order
        for row, replicate in enumerate(table.index)
    ]
