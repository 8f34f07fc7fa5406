"""The diagnostics of a cell on one replicate, beside what real rows give in the synthetic rows' place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..classifiers.options import FoldRows
from ..facts import remembered
from ..pool_cache import PoolCache, pool_keys
from .sample import Sample, take_samples
from .table import HIGH, LOW, MEASURED, NULL, PARENTS, Diagnostic

if TYPE_CHECKING:
    from ..evaluate import Replicate
    from ..methods.base import Method

F64 = npt.NDArray[np.float64]
DRAWS = 39  # of the band: a further set of real rows lies outside it in 5 of 100 cases
SLOW_DRAWS = 9  # of the band of what takes long
_known: dict[bytes, Mapping[str, float]] = {}  # in this process: many cells share their real rows
_MOST_KNOWN = 8192
_VERSION = 1  # of the numbers of Method.examine; raised when they change, so that none is read that was


def diagnose(
    method: Method,
    data: Replicate,
    trained_on: FoldRows,
    precision: str = "float32",
    cache: PoolCache | None = None,
) -> dict[str, float]:
    """Measure the synthetic rows of fold 0; names are those of ``TABLE``, six digits each.

    Args:
        method: the arm with its knobs set.
        data: the replicate.
        trained_on: what the model of fold 0 trains on.
        precision: of a method's large products.
        cache: where it is usable, what a costly method's model tells is kept in the cache folder.

    Returns:
        Nothing for arms without synthetic rows, at ratio 0, and where no class has 10 synthetic rows
        and 10 real ones on either side. A number that is not defined on these rows is absent.
    """
    samples = take_samples(data, trained_on)
    if not samples:
        return {}
    first = data.draw.replicate == 0
    real = bytes([first]) + b"".join(sample.real_digest() for sample in samples)
    rows = hashlib.sha256(b"".join(sample.synthetic.tobytes() for sample in samples)).digest()
    found = _once(real + rows, lambda: _compared(samples, first)) | _once(real, lambda: _band(samples, first))
    found |= _of_the_model(method, data, samples, precision, cache)
    found |= {
        "compared_rows": float(np.mean([sample.m for sample in samples])),
        "compared_classes": float(len(samples)),
        "unit_norm": float(all(_of_unit_norm(sample.parents) for sample in samples)),
    }
    return {name: float(f"{value:.6g}") for name, value in found.items() if np.isfinite(value)}


def _once(key: bytes, find: Callable[[], Mapping[str, float]]) -> dict[str, float]:
    """Numbers that this process may have found before: larger ratios add rows behind those measured."""
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = find()
    return dict(_known[key])


def _compared(samples: Sequence[Sample], first: bool) -> dict[str, float]:
    """Every diagnostic beside unseen rows and beside parents, means over the classes."""
    wanted = [each for each in MEASURED if first or not each.first]
    rows: list[dict[str, float]] = []
    for sample in samples:
        held, parents, all_parents = (
            sample.beside_held(), sample.beside_parents(), sample.beside_parents(every=True)
        )  # fmt: skip
        rows.append({})
        for each in wanted:
            assert each.measure is not None
            rows[-1][each.name] = each.measure(held)
            if not each.alone:
                seen = all_parents if each.all_parents else parents
                rows[-1][each.name + PARENTS] = each.measure(seen)
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _band(samples: Sequence[Sample], first: bool) -> dict[str, float]:
    """Mean, least and greatest of the means over the classes, with real rows as synthetic ones."""
    quick = [each for each in MEASURED if not each.first]
    slow = [each for each in MEASURED if each.first]
    drawn = _drawn(samples, quick, DRAWS) | (_drawn(samples, slow, SLOW_DRAWS) if first else {})
    ends: dict[str, Callable[[F64], np.floating]] = {NULL: np.mean, LOW: np.min, HIGH: np.max}
    return {
        name + end: float(of(values.mean(axis=0)))
        for name, values in drawn.items()
        for end, of in ends.items()
    }


def _drawn(samples: Sequence[Sample], wanted: Sequence[Diagnostic], draws: int) -> dict[str, F64]:
    """Values of the wanted diagnostics by name (classes, draws)."""
    names = [each.name for each in wanted] + [each.name + PARENTS for each in wanted if each.all_parents]
    found = {name: np.empty((len(samples), draws)) for name in names}
    for place, sample in enumerate(samples):
        for number, (pair, every) in enumerate(sample.real_pairs(draws)):
            for each in wanted:
                assert each.measure is not None
                found[each.name][place, number] = each.measure(pair)
                if each.all_parents:
                    found[each.name + PARENTS][place, number] = each.measure(every)
    return found


def _of_the_model(
    method: Method, data: Replicate, samples: Sequence[Sample], precision: str, cache: PoolCache | None
) -> dict[str, float]:
    """What the method's own model tells; a costly one is trained once a node for all ratios."""
    part = data.training_part(0, precision)
    random = data.streams.random_state(method.stream, data.draw.replicate, 0)
    unseen = {sample.code: sample.held.astype(np.float32) for sample in samples}
    if not method.costly or cache is None or not cache.usable:
        return method.examine(part, random, unseen)
    digests = [hashlib.sha256(rows.tobytes()).hexdigest() for rows in unseen.values()]
    key = [_VERSION, pool_keys(method, [part], [random]), list(unseen), digests]
    kept: dict[str, float] = remembered(
        "examined", key, lambda: method.examine(part, random, unseen), _are_numbers
    )
    return kept


def _are_numbers(kept: object) -> bool:
    return isinstance(kept, dict) and all(isinstance(value, float) for value in kept.values())


def _of_unit_norm(rows: F64) -> bool:
    return bool(np.allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=0, atol=1e-3))
