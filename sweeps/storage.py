"""Optuna storages: their addresses, what goes wrong with them, what a sweep has there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.distributions import distribution_to_json
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, SQLAlchemyError

from synaug.errors import Exit, Problem, SynaugError
from tracking import HIDDEN, redact

KEY = "trial_key"  # the user attribute that names the cell of a trial
LOCK_SECONDS = 0.5  # for a locked SQLite file; Optuna itself tries seven times, and the driver waits
STORAGE_ERRORS = (StorageInternalError, SQLAlchemyError)


def open_storage(url: str) -> RDBStorage:
    """Open a storage, made if absent; raises one of ``STORAGE_ERRORS``."""
    sqlite = url.startswith("sqlite")
    return RDBStorage(url, engine_kwargs={"connect_args": {"timeout": LOCK_SECONDS}} if sqlite else {})


def close_storage(storage: RDBStorage) -> None:
    """Let go of a storage's connections."""
    storage.remove_session()
    storage.engine.dispose()


def summary(storage_url: str, sweep: str) -> dict[str, list[str]]:
    """Return the states of all trials of a sweep by trial key; "" for trials without one.

    Raises:
        SynaugError: SERVICE when the storage cannot be read.
    """
    found: dict[str, list[str]] = defaultdict(list)
    if _absent(checked(storage_url)):
        return {}
    try:
        storage = open_storage(storage_url)
        for arm in arms_of(storage, sweep):
            study = optuna.load_study(study_name=f"{sweep}/{arm}", storage=storage)
            for trial in study.get_trials(deepcopy=False):
                found[str(trial.user_attrs.get(KEY, ""))].append(trial.state.name)
        close_storage(storage)
    except STORAGE_ERRORS as error:
        problem = Problem(f"the Optuna storage cannot be read: {said(error)}", fix="synaug rebuild-study")
        raise SynaugError(problem, Exit.SERVICE) from error
    return dict(found)


def arms_of(storage: RDBStorage, sweep: str) -> list[str]:
    """List the arms of which the storage has a study of this sweep."""
    prefix = f"{sweep}/"
    names = optuna.get_all_study_names(storage)
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def checked(url: str) -> str:
    """Return the address if its kind of database can be used, before anything starts.

    Raises:
        SynaugError: USAGE when it is no address, its password is hidden, or the database's driver is not
            installed.
    """
    if HIDDEN in url:
        fix = "give it again: --storage or SYNAUG_STORAGE"
        text = f"--storage: passwords are not kept: {url} was recorded without its own"
        raise SynaugError(Problem(text, fix=fix), Exit.USAGE)
    try:
        sqlalchemy.engine.make_url(url).get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        fix = "use sqlite:////folder/optuna.db, or install the driver: pip install 'synaug[postgres]'"
        text = f"--storage: expected the address of a database that can be used here: {said(error)}"
        raise SynaugError(Problem(text, "--storage", fix, "D62"), Exit.USAGE) from error
    return url


def _absent(url: str) -> bool:
    """Whether the address is of an SQLite file that is not there; opening it would make it."""
    parts = sqlalchemy.engine.make_url(url)
    file = parts.database if parts.get_backend_name() == "sqlite" else None
    return file is not None and file != ":memory:" and not Path(file).exists()


def said(error: BaseException) -> str:
    """Say what the database said, in one line, without Optuna's guesses and without passwords."""
    cause = error.__cause__ or error
    return redact(f"{type(cause).__name__}: {str(cause).splitlines()[0]}")


def may_pass(error: BaseException) -> bool:
    """Whether it may work later: a lock, a full disk, a server that is away; not a damaged file."""
    cause = error if isinstance(error, DatabaseError) else error.__cause__ or error
    return isinstance(cause, OperationalError) or not isinstance(cause, DatabaseError)


def study_records(storage_url: str, sweep: str) -> list[dict[str, Any]]:
    """Return the studies of a sweep with all their trials, as JSON values.

    Raises:
        SynaugError: SERVICE when the storage cannot be read.
    """
    if _absent(checked(storage_url)):
        return []
    with _reading(storage_url) as storage:
        return [_study_record(storage, f"{sweep}/{arm}") for arm in arms_of(storage, sweep)]


def delete_studies(storage_url: str, sweep: str) -> None:
    """Delete the studies of a sweep; safe to repeat.

    Raises:
        SynaugError: SERVICE when the storage cannot be written.
    """
    if _absent(checked(storage_url)):
        return
    with _reading(storage_url) as storage:
        for arm in arms_of(storage, sweep):
            optuna.delete_study(study_name=f"{sweep}/{arm}", storage=storage)


@contextmanager
def _reading(storage_url: str) -> Iterator[RDBStorage]:
    """Open a storage that is there; what goes wrong is the service's fault."""
    try:
        storage = open_storage(storage_url)
        try:
            yield storage
        finally:
            close_storage(storage)
    except STORAGE_ERRORS as error:
        problem = Problem(f"the Optuna storage cannot be used: {said(error)}", fix="try again later")
        raise SynaugError(problem, Exit.SERVICE) from error


def _study_record(storage: RDBStorage, name: str) -> dict[str, Any]:
    study = optuna.load_study(study_name=name, storage=storage)
    trials = [
        {
            "number": trial.number,
            "state": trial.state.name,
            "values": trial.values,
            "params": trial.params,
            "distributions": {
                knob: json.loads(distribution_to_json(domain)) for knob, domain in trial.distributions.items()
            },
            "user_attrs": trial.user_attrs,
            "started": None if trial.datetime_start is None else trial.datetime_start.isoformat(),
            "completed": None if trial.datetime_complete is None else trial.datetime_complete.isoformat(),
        }
        for trial in study.get_trials(deepcopy=False)
    ]
    return {"name": name, "direction": study.direction.name, "trials": trials}
