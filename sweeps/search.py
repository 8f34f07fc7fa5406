"""Search: one Optuna study an arm proposes configurations that were never tried before."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial

from synaug.knobs import Float, Int, Knob, Value
from synaug.methods import METHODS

from .space import Settings, arm_levels, settings_of
from .spec_model import Spec

optuna.logging.set_verbosity(optuna.logging.WARNING)

MAX_ASKS = 50  # repeats of the sampler before a point is drawn at random


@dataclass(frozen=True)
class Axis:
    """One dimension of a search.

    Attributes:
        distribution: what the sampler draws from.
        values: every value, or None for a continuous float.
    """

    distribution: IntDistribution | FloatDistribution | CategoricalDistribution
    values: tuple[Value, ...] | None

    def contains(self, value: Value | None) -> bool:
        """Whether the axis has this value."""
        if self.values is not None:
            return value in self.values
        assert isinstance(self.distribution, FloatDistribution)
        return isinstance(value, float) and self.distribution.low <= value <= self.distribution.high

    def draw(self, random: np.random.Generator) -> Value:
        """Draw a value, evenly over the values or over the (logarithmic) range."""
        if self.values is not None:
            return self.values[random.integers(len(self.values))]
        assert isinstance(self.distribution, FloatDistribution)
        low, high = self.distribution.low, self.distribution.high
        if self.distribution.log:
            return math.exp(random.uniform(math.log(low), math.log(high)))
        return float(random.uniform(low, high))


def axis(knob: Knob, levels: tuple[Value, ...]) -> Axis:
    """Make the axis of a knob's levels; of numbers they only span the range, in the domain's steps."""
    if isinstance(knob.domain, Int):
        numbers = [level for level in levels if isinstance(level, int)]
        low, high = min(numbers), max(numbers)
        return Axis(IntDistribution(low, high), tuple(range(low, high + 1)))
    if isinstance(knob.domain, Float):
        return _float_axis(knob.domain, sorted(float(level) for level in levels))
    return Axis(CategoricalDistribution(levels), levels)


def _float_axis(domain: Float, levels: list[float]) -> Axis:
    low, high = levels[0], levels[-1]
    steps = [(level - low) / domain.step for level in levels] if domain.step else []
    if domain.step and all(math.isclose(s, round(s), abs_tol=1e-9) for s in steps):
        values = tuple(_rounded(low + i * domain.step) for i in range(round(steps[-1]) + 1))
        return Axis(FloatDistribution(low, high, step=domain.step), values)
    return Axis(FloatDistribution(low, high, log=domain.log and low > 0), None)


def _rounded(value: Value) -> Value:
    """Drop the last digits of a float, in which equal points of a grid may differ."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


class ArmSearch:
    """Proposes settings of one arm by TPE; never the same twice, and none that it was told of.

    It searches for the first classifier of the sweep. The study lies in memory: after a restart, tell it
    what the ledger has. The same seed and the same order of calls give the same proposals.

    Args:
        spec: the sweep.
        arm: name of the method.
    """

    def __init__(self, spec: Spec, arm: str):
        levels = arm_levels(spec, arm)
        knobs = {knob.name: knob for knob in METHODS[arm].knobs()}
        self.classifier = spec.classifier.name  # the first: search is for the sweep's main classifier
        self._fixed = {name: values[0] for name, values in levels.items() if len(values) == 1}
        self._axes = {n: axis(knobs[n], values) for n, values in levels.items() if len(values) > 1}
        seeds = np.random.SeedSequence(spec.seed, spawn_key=(zlib.crc32(arm.encode()),))
        self._random = np.random.default_rng(seeds)
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=spec.search.startup,
            multivariate=True,
            constant_liar=True,
            seed=int(seeds.generate_state(1)[0]),
        )
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._seen: set[Settings] = set()
        self._taken = 0  # of those, how many lie in the space
        self._open: dict[Settings, int] = {}  # proposed and not told, with the number of the trial

    @property
    def size(self) -> float:
        """Number of different configurations; infinite with a continuous knob, 0 without swept knobs."""
        if not self._axes:
            return 0
        return math.prod(math.inf if a.values is None else len(a.values) for a in self._axes.values())

    @property
    def exhausted(self) -> bool:
        """Whether every configuration was proposed, told or excluded."""
        return self._taken >= self.size

    def exclude(self, settings: Settings | Mapping[str, Value]) -> None:
        """Never propose these settings: a cell of the design, or one that is running."""
        self._see(self._point(settings))

    def ask(self) -> dict[str, Value] | None:
        """Propose settings for the next cell; None when there are no others."""
        if self.exhausted:
            return None
        distributions = self._distributions()
        for _ in range(MAX_ASKS):
            trial = self._study.ask(fixed_distributions=distributions)
            settings = self._point({**trial.params, **self._fixed})
            if settings not in self._seen:
                return self._propose(settings, trial.number)
            self._study.tell(trial, state=TrialState.FAIL)
        settings = self._unseen()
        self._study.add_trial(self._frozen(settings, TrialState.RUNNING, None))
        return self._propose(settings, self._study.get_trials(deepcopy=False)[-1].number)

    def tell(self, settings: Settings | Mapping[str, Value], value: float | None) -> None:
        """Report the score of settings, proposed or not; None or a non-finite one is a failure."""
        point = self._point(settings)
        ok = value is not None and math.isfinite(value)
        state = TrialState.COMPLETE if ok else TrialState.FAIL
        number = self._open.pop(point, None)
        self._see(point)
        if number is not None:
            self._study.tell(number, value if ok else None, state=state)
        elif ok and self._inside(dict(point)):
            self._study.add_trial(self._frozen(point, state, value))

    def _distributions(self) -> dict[str, BaseDistribution]:
        return {name: a.distribution for name, a in self._axes.items()}

    def _see(self, point: Settings) -> None:
        if point not in self._seen:
            self._seen.add(point)
            self._taken += self._inside(dict(point))

    def _propose(self, settings: Settings, number: int) -> dict[str, Value]:
        self._see(settings)
        self._open[settings] = number
        return dict(settings)

    def _point(self, settings: Settings | Mapping[str, Value]) -> Settings:
        return settings_of({name: _rounded(value) for name, value in dict(settings).items()})

    def _inside(self, values: Mapping[str, Value]) -> bool:
        """Whether settings lie in the space; a default outside the levels does not."""
        fixed = all(values.get(name) == value for name, value in self._fixed.items())
        return fixed and all(a.contains(values.get(name)) for name, a in self._axes.items())

    def _frozen(self, settings: Settings, state: TrialState, value: float | None) -> optuna.trial.FrozenTrial:
        values = dict(settings)
        return create_trial(
            state=state,
            value=value,
            params={name: values[name] for name in self._axes},
            distributions=self._distributions(),
        )

    def _unseen(self) -> Settings:
        """Draw points at random until one was never tried; there is one."""
        while True:
            values = {name: a.draw(self._random) for name, a in self._axes.items()}
            settings = self._point({**values, **self._fixed})
            if settings not in self._seen:
                return settings
