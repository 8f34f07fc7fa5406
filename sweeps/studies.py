"""Optuna's storage as a projection of the ledger: for dashboards, made anew whenever it is lost."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from synaug.knobs import Float, Int, Value
from synaug.methods import METHODS

from .ledger import Line
from .plan import cell_of
from .space import Settings, settings_of
from .spec_classifier import DEFAULT
from .storage import KEY, STORAGE_ERRORS, arms_of, checked, close_storage, may_pass, open_storage, said

optuna.logging.set_verbosity(optuna.logging.WARNING)

STATES: Mapping[str, Literal["COMPLETE", "FAIL", "PRUNED"]] = {
    "ok": "COMPLETE",
    "not_applicable": "FAIL",
    "raced": "PRUNED",
    "failed": "FAIL",
}


@dataclass(frozen=True)
class StudyCell:
    """A finished cell as Optuna has it; ``value`` only when COMPLETE."""

    key: str
    arm: str
    settings: Settings
    state: str
    value: float | None = None
    classifier: str = DEFAULT


def study_cells(cells: Mapping[str, Line], encoders: Collection[str] = ()) -> tuple[StudyCell, ...]:
    """List finished cells in the order of their numbers.

    Args:
        cells: their ``cell`` lines by trial key.
        encoders: names of the sweep's encoders after the first.
    """
    lines = sorted(cells.items(), key=lambda item: item[1].get("number", 0))
    found = []
    for key, line in lines:
        cell = cell_of(line["config"], line["stage"], 0, encoders)
        name = STATES[line["status"]]
        value = line.get("value") if name == "COMPLETE" else None
        found.append(StudyCell(key, cell.arm, cell.settings, name, value, cell.group))
    return tuple(found)


class StudyProjection:
    """Writes the studies ``SWEEP/ARM`` of one sweep while it runs, on a thread of its own.

    Cells of classifiers that are not the sweep's first stand in studies ``SWEEP/ARM.CLASSIFIER``.

    ``start`` and ``finish`` return at once: a database takes longer than all else that a cell costs.
    A storage that is locked, full or broken never stops the sweep: the first error is kept in
    ``problem``, live writing ends, and ``reconcile`` or ``rebuild`` catch up.

    Args:
        storage_url: an RDB address such as ``sqlite:////folder/optuna.db``.
        sweep: name of the sweep.
        first: name of its first classifier.

    Raises:
        SynaugError: USAGE when the address is not one, or its database driver is not installed.
    """

    def __init__(self, storage_url: str, sweep: str, first: str = DEFAULT):
        self.problem: str | None = None
        self._may_pass = True
        self._url, self._sweep, self._first = checked(storage_url), sweep, first
        self._storage: RDBStorage | None = None
        self._studies: dict[str, optuna.Study] = {}
        self._running: dict[str, tuple[str, int]] = {}  # key -> study and number of its RUNNING trial
        self._finished: set[str] = set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="optuna-projection")
        self._pending: deque[Future[bool]] = deque()
        self._closed = False

    def start(self, key: str, arm: str, settings: Mapping[str, Value], classifier: str = DEFAULT) -> None:
        """Show a cell as RUNNING. A trial that it has already is used again, never doubled.

        One that is finished stays as it is until ``reconcile``: Optuna lets nobody change it.
        """
        cell = StudyCell(key, arm, settings_of(settings), "RUNNING", None, classifier)
        self._later(lambda: self._start(cell))

    def finish(self, key: str, state: str, value: float | None = None) -> None:
        """Finish the trial of a started cell: COMPLETE with its value, FAIL or PRUNED."""
        self._later(lambda: self._finish(key, state, value))

    def reconcile(
        self, cells: Iterable[StudyCell], running: Collection[str] = (), patience: float = 0.0
    ) -> bool:
        """Make the studies equal to the finished cells, one trial a cell.

        Call it before a sweep goes on, with the keys that will run (again): their RUNNING trials
        are kept for ``start``; and at its end, without. Studies that agree are not touched, those
        that only lack something are completed, others are written anew.

        Args:
            cells: the finished cells.
            running: keys whose RUNNING trials stay.
            patience: seconds to go on trying when the storage is locked.

        Returns:
            Whether it succeeded; if not, ``problem`` says why.
        """
        return self._patiently(lambda: self._reconcile(tuple(cells), running), patience)

    def rebuild(self, cells: Iterable[StudyCell], patience: float = 0.0) -> bool:
        """Delete the sweep's studies and write them from the finished cells; as ``reconcile`` else."""
        return self._patiently(lambda: self._rewrite(tuple(cells), None), patience)

    def settle(self) -> None:
        """Wait until all that was started and finished is written."""
        while self._pending:
            self._pending.popleft().result()

    def close(self) -> None:
        """Write what is left and let go of the storage's connections; nothing can be written after."""
        if self._closed:
            return
        self._closed = True
        self.settle()
        self._thread.submit(self._disconnect).result()
        self._thread.shutdown()

    def _disconnect(self) -> None:
        if self._storage is not None:
            close_storage(self._storage)
        self._storage, self._studies = None, {}

    def _later(self, action: Callable[[], None]) -> None:
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()  # raises what is a mistake of ours
        self._pending.append(self._thread.submit(self._guard, action))

    def _start(self, cell: StudyCell) -> None:
        if cell.key not in self._running and cell.key not in self._finished:
            self._add(cell)

    def _finish(self, key: str, state: str, value: float | None) -> None:
        if key in self._running:
            self._tell(key, state, value)

    def _guard(self, action: Callable[[], None]) -> bool:
        """Do it unless the storage failed before; keep what goes wrong with the storage."""
        if self.problem is not None:
            return False
        try:
            action()
        except STORAGE_ERRORS as error:
            self.problem, self._may_pass = said(error), may_pass(error)
            self._disconnect()
        return self.problem is None

    def _patiently(self, action: Callable[[], None], patience: float) -> bool:
        self.settle()
        return self._thread.submit(self._try, action, patience).result()

    def _try(self, action: Callable[[], None], patience: float) -> bool:
        until = time.monotonic() + patience
        while True:
            self.problem = None
            if self._guard(action) or not self._may_pass or time.monotonic() >= until:
                return self.problem is None
            time.sleep(min(1.0, patience))

    def _open(self) -> RDBStorage:
        if self._storage is None:
            self._storage = open_storage(self._url)
        return self._storage

    def _study(self, arm: str) -> optuna.Study:
        if arm not in self._studies:
            self._studies[arm] = optuna.create_study(
                storage=self._open(),
                study_name=f"{self._sweep}/{arm}",
                direction="maximize",
                load_if_exists=True,
            )
        return self._studies[arm]

    def _name(self, cell: StudyCell) -> str:
        """What stands behind the sweep in the name of a cell's study."""
        return cell.arm if cell.classifier == self._first else f"{cell.arm}.{cell.classifier}"

    def _add(self, cell: StudyCell) -> None:
        name = self._name(cell)
        study = self._study(name)
        study.add_trial(_trial(cell))
        if cell.state == "RUNNING":
            self._running[cell.key] = (name, study.get_trials(deepcopy=False)[-1].number)
        else:
            self._finished.add(cell.key)

    def _tell(self, key: str, state: str, value: float | None) -> None:
        arm, number = self._running.pop(key)
        self._study(arm).tell(number, value, state=TrialState[state])
        self._finished.add(key)

    def _reconcile(self, cells: tuple[StudyCell, ...], running: Collection[str]) -> None:
        self._running.clear()
        self._finished.clear()
        by_arm: dict[str, list[StudyCell]] = defaultdict(list)
        for cell in cells:
            by_arm[self._name(cell)].append(cell)
        for arm in {*by_arm, *arms_of(self._open(), self._sweep)}:
            if not self._complete(arm, by_arm[arm], running):
                self._rewrite(by_arm[arm], arm)

    def _complete(self, arm: str, cells: list[StudyCell], running: Collection[str]) -> bool:
        """Add to a study what it lacks; False when it holds something that must go."""
        there: dict[str, FrozenTrial] = {}
        wanted = {cell.key: cell for cell in cells}
        for trial in self._study(arm).get_trials(deepcopy=False):
            key = str(trial.user_attrs.get(KEY))
            waits = not trial.state.is_finished() and key in running
            if key in there or not (_same(trial, wanted[key]) if key in wanted else waits):
                return False
            there[key] = trial
        self._running |= {k: (arm, t.number) for k, t in there.items() if not t.state.is_finished()}
        self._finished |= {k for k, t in there.items() if t.state.is_finished()}
        for cell in cells:
            if cell.key not in there:
                self._add(cell)
            elif cell.key in self._running:
                self._tell(cell.key, cell.state, cell.value)
        return True

    def _rewrite(self, cells: Iterable[StudyCell], arm: str | None) -> None:
        """Delete one study of the sweep, or all, and write the cells."""
        if arm is None:
            self._running.clear()
            self._finished.clear()
        for name in arms_of(self._open(), self._sweep) if arm is None else (arm,):
            self._studies.pop(name, None)
            optuna.delete_study(study_name=f"{self._sweep}/{name}", storage=self._open())
        for cell in cells:
            self._add(cell)


def _same(trial: FrozenTrial, cell: StudyCell) -> bool:
    if trial.params != dict(cell.settings):
        return False
    return not trial.state.is_finished() or (trial.state.name, trial.value) == (cell.state, cell.value)


def _trial(cell: StudyCell) -> FrozenTrial:
    knobs = {knob.name: knob for knob in METHODS[cell.arm].knobs()}
    return create_trial(
        state=TrialState[cell.state],
        value=cell.value,
        params=dict(cell.settings),
        distributions={name: _distribution(knobs[name].domain, value) for name, value in cell.settings},
        user_attrs={KEY: cell.key},
    )


def _distribution(domain: object, value: Value) -> BaseDistribution:
    """The whole domain of a knob, so that every legal value fits; an open end goes up to the value."""
    if isinstance(domain, Int):
        assert isinstance(value, int)
        return IntDistribution(domain.low, value if domain.high is None else domain.high)
    if isinstance(domain, Float):
        assert isinstance(value, int | float)
        return FloatDistribution(domain.low, value if domain.high is None else domain.high)
    return CategoricalDistribution(domain.options)  # type: ignore[attr-defined]
