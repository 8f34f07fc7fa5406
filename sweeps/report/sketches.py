"""Pictures' data that a sweep has kept: points of real and synthetic rows in the plane, by cell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MOST = 1_000_000  # bytes of a file; one that the project writes has some 20,000


@dataclass(frozen=True)
class Sketch:
    """A picture's data, as ``synaug.sketch`` makes it.

    Attributes:
        real: rows of ``x, y, class code``.
        synthetic: the same.
        lines: rows of ``number of the synthetic row, x, y of a parent``.
        explained: share of the real rows' variance that lies in the plane.
        trustworthiness: 1 where neighbours in the plane are neighbours in the embedding.
    """

    real: np.ndarray
    synthetic: np.ndarray
    lines: np.ndarray
    explained: float
    trustworthiness: float | None


def read_sketches(folders: Iterable[Path]) -> tuple[dict[str, Sketch], list[str]]:
    """The sketches in some folders by cell, and the names of files that hold none.

    Args:
        folders: of ``KEY.json`` files; one need not be there.
    """
    found: dict[str, Sketch] = {}
    spoilt: list[str] = []
    for path in sorted(path for folder in folders for path in folder.glob("*.json")):
        try:
            if path.stat().st_size > MOST:
                raise ValueError("too large")
            found[path.stem] = parse(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError, KeyError):
            spoilt.append(str(path))
    return found, spoilt


def parse(given: Mapping[str, Any]) -> Sketch:
    """A sketch from its JSON.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    real, synthetic, lines = (_rows(given[name]) for name in ("real", "synthetic", "lines"))
    if len(lines) and not (lines[:, 0].min() >= 0 and lines[:, 0].max() < len(synthetic)):
        raise ValueError("a line from a row that is not there")
    trust = given.get("trustworthiness")
    return Sketch(real, synthetic, lines, float(given["explained"]), None if trust is None else float(trust))


def _rows(given: Any) -> np.ndarray:
    rows = np.asarray(given, dtype=np.float64).reshape(-1, 3)
    if not np.isfinite(rows).all():
        raise ValueError("not finite")
    return rows
