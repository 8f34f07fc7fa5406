"""Where the records of a sweep lie."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synaug.errors import Exit, Problem, SynaugError
from tracking import TrackingError, TrackingRefused, UnknownScheme, holds_secret, probe, redact
from tracking.address import SERVERS, SQLITE, sqlite_file

MLFLOW, OPTUNA = "mlflow.db", "optuna.db"  # beside the sweeps, shared by all of them
WAITING_SKETCHES, SKETCHES = "outbox", "sketches"  # below the sweep's folder


@dataclass(frozen=True)
class Places:
    """The sweep's folder and its stores.

    Attributes:
        out: folder of the sweep.
        tracking_uri: MLflow's store.
        artifact_root: where MLflow keeps artifacts; None where a server decides.
        storage: Optuna's storage.
    """

    out: Path
    tracking_uri: str
    artifact_root: str | None
    storage: str

    @property
    def spec(self) -> Path:
        """The resolved spec."""
        return self.out / "spec.yaml"

    @property
    def plan(self) -> Path:
        """The cells, one a line."""
        return self.out / "plan.jsonl"

    @property
    def ledger(self) -> Path:
        """The record of finished work."""
        return self.out / "ledger.jsonl"

    @property
    def waiting_sketches(self) -> Path:
        """Pictures' data of cells that MLflow has not acknowledged yet."""
        return self.out / WAITING_SKETCHES

    @property
    def sketches(self) -> Path:
        """Pictures' data of the others, for the report."""
        return self.out / SKETCHES

    @property
    def logs(self) -> Path:
        """The log of the sweep; of cells that failed their stack traces, and what cells printed."""
        return self.out / "logs"

    def log(self, key: str) -> Path:
        """The last stack trace of a cell."""
        return self.logs / f"{key}.txt"

    @property
    def shown_tracking_uri(self) -> str | None:
        """The store's address for the record, its password hidden; None beside the sweep."""
        return _recorded(self.tracking_uri, _beside(self.out, MLFLOW))

    @property
    def shown_storage(self) -> str | None:
        """The storage's address for the record, its password hidden; None beside the sweep."""
        return _recorded(self.storage, _beside(self.out, OPTUNA))

    def check_tracking(self) -> str | None:
        """Refuse a store that can never work; return what is wrong with one that does not answer.

        Raises:
            SynaugError: an address of no known form (exit 2), or a store that refuses us (exit 5).
        """
        try:
            probe(self.tracking_uri)
        except UnknownScheme as error:
            problem = Problem(error.message, error.where, error.fix, "D31")
            raise SynaugError(problem, Exit.USAGE) from error
        except TrackingError as error:
            if getattr(error, "retryable", False):
                return str(error)
            problem = Problem(error.message, error.where, error.fix, "D32")
            raise SynaugError(problem, Exit.SERVICE) from error
        return None


def ledger_of(out: Path) -> Path:
    """The ledger of a sweep's folder; a file is a ledger itself, made by hand or copied."""
    return out if out.is_file() else out / "ledger.jsonl"


def places(
    out: Path,
    tracking_uri: str | None = None,
    storage: str | None = None,
    header: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Places:
    """Resolve where a sweep's records lie: what is given, else what the sweep recorded, else beside it.

    Args:
        out: folder of the sweep.
        tracking_uri: MLflow's store where it is given.
        storage: Optuna's storage where it is given.
        header: the ``sweep`` line of a sweep that exists.
        environment: for ``MLFLOW_TRACKING_URI``.
    """
    known = header or {}
    given = tracking_uri or environment.get("MLFLOW_TRACKING_URI")
    uri = given or known.get("tracking_uri") or _beside(out, MLFLOW)
    return Places(out, uri, _artifact_root(uri, out), storage or known.get("storage") or _beside(out, OPTUNA))


@contextmanager
def refused_as(exit: Exit) -> Iterator[None]:
    """Turn MLflow's troubles into errors of the command line; a refusal of ours ends with ``exit``."""
    try:
        yield
    except TrackingError as error:
        code = exit if isinstance(error, TrackingRefused) else Exit.SERVICE
        raise SynaugError(Problem(error.message, error.where, error.fix, "D32"), code) from error


def _beside(out: Path, file: str) -> str:
    return f"sqlite:///{out.absolute().parent / file}"


def _recorded(address: str, beside: str) -> str | None:
    """A sweep finds what lies beside it also when their folder is moved; passwords are not kept."""
    if address == beside:
        return None
    return redact(address) if holds_secret(address) else address


def _artifact_root(uri: str, out: Path) -> str | None:
    """Beside the SQLite file, else the sweep: MLflow takes the current folder. A server decides itself."""
    if uri.startswith(SERVERS):
        return None
    folder = sqlite_file(uri).absolute().parent if uri.startswith(SQLITE) else out.absolute().parent
    return str(folder / "mlartifacts")
