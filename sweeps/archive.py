"""A sweep as one file: its folder, Optuna's studies and MLflow's runs, each member with its sha256."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import synaug
from synaug.cache import file_sha256
from synaug.errors import Exit, Problem, SynaugError
from tracking import find_experiment, redact
from tracking.dumping import download_run, run_ids, run_records

from .ledger import now
from .places import Places
from .storage import study_records

SCHEMA = 1
MANIFEST, SWEEP, STUDIES, RUNS, ARTIFACTS = "manifest.json", "sweep", "optuna.json", "mlflow.jsonl", "mlflow"
NOT_PACKED = ("ledger.lock", "ledger.holder.json")  # of the process that writes the ledger
BLOCK = 1 << 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Manifest:
    """What an archive holds.

    Attributes:
        sweep: name of the sweep.
        at: when it was packed.
        files: sha256 of each member by its path.
        experiment_id: of MLflow; None where it had none.
        runs: MLflow runs.
        trials: Optuna trials.
    """

    sweep: str
    at: str
    files: Mapping[str, str]
    experiment_id: str | None
    runs: int
    trials: int


@dataclass
class _Writer:
    """Adds members to an archive and notes their sha256."""

    tar: tarfile.TarFile
    files: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, source: BinaryIO, size: int) -> None:
        """Add a member of so many bytes."""
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(time.time())
        hashed = _Hashed(source)
        self.tar.addfile(member, hashed)
        self.files[name] = hashed.digest.hexdigest()

    def text(self, name: str, text: str) -> None:
        """Add a member from its text."""
        raw = text.encode()
        self.add(name, io.BytesIO(raw), len(raw))

    def file(self, name: str, path: Path) -> None:
        """Add a member from a file."""
        with path.open("rb") as file:
            self.add(name, file, os.fstat(file.fileno()).st_size)


class _Hashed:
    """A stream that is hashed while it is read."""

    def __init__(self, source: BinaryIO):
        self.digest, self._source = hashlib.sha256(), source

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self.digest.update(block)
        return block


def pack(places: Places, sweep: str, file: Path, told: Progress | None = None) -> Manifest:
    """Write a sweep's archive, read it back against its manifest, then give it its name.

    Hold the ledger meanwhile. Nothing is at ``file`` before it is whole. Models in MLflow's registry are
    not in it.

    Args:
        places: where the sweep lies.
        sweep: its name.
        file: the archive; must not exist.
        told: takes runs done and runs in all.

    Raises:
        SynaugError: a link in the sweep's folder, or what was written does not read back (exit 9), or
            Optuna does not answer (exit 5).
        TrackingError: MLflow does not answer.
    """
    partial = file.with_name(f".{file.name}.writing")
    partial.unlink(missing_ok=True)
    try:
        with open(partial, "xb", opener=_private) as raw:
            with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=6) as tar:
                _fill(_Writer(tar), places, sweep, told)
            raw.flush()
            os.fsync(raw.fileno())
        manifest = verify(partial)
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(file.parent)
    return manifest


def verify(file: Path) -> Manifest:
    """Read an archive and compare every member with its manifest.

    Raises:
        SynaugError: it is none, or a member is missing, more or changed (exit 9).
    """
    found: dict[str, str] = {}
    raw = b""
    with _readable(file) as tar:
        for member in tar:
            source = tar.extractfile(member) if member.isreg() and _is_inside(member.name) else None
            if source is None or member.name in found:
                raise _damaged(file, f"{member.name!r} is no plain file of its own")
            if member.name == MANIFEST:
                raw = source.read()
            else:
                found[member.name] = hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]
    try:
        fields = json.loads(raw)
        if fields.pop("schema") != SCHEMA:
            raise ValueError("its schema is not known here")
        fields.pop("synaug")
        manifest = Manifest(**fields)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(file, f"no manifest: {error}") from error
    changed = sorted(n for n in {*found, *manifest.files} if found.get(n) != manifest.files.get(n))
    if changed:
        raise _damaged(file, f"not as in its manifest: {', '.join(changed[:5])}")
    return manifest


def holds(manifest: Manifest, places: Places, sweep: str) -> bool:
    """Whether an archive holds a sweep as it is now: the same files, runs and trials."""
    files = {_member(path, places.out): file_sha256(path) for path in _own_files(places.out)}
    packed = {name: digest for name, digest in manifest.files.items() if name.startswith(f"{SWEEP}/")}
    experiment_id = find_experiment(places.tracking_uri, sweep)
    runs = 0 if experiment_id is None else len(run_ids(places.tracking_uri, experiment_id))
    trials = sum(len(study["trials"]) for study in study_records(places.storage, sweep))
    there = (manifest.sweep, packed, manifest.experiment_id, manifest.runs, manifest.trials)
    return there == (sweep, files, experiment_id, runs, trials)


def restore(file: Path, out: Path) -> Manifest:
    """Put the folder of an archived sweep back; Optuna and MLflow are made anew from its ledger.

    Raises:
        SynaugError: the archive is damaged (exit 9), ``out`` exists (exit 7), or has another name than the
            sweep (exit 2).
    """
    manifest = verify(file)
    if out.exists():
        raise SynaugError(Problem(f"{out} exists", fix="restore into another folder"), Exit.CONFLICT)
    if out.absolute().name != manifest.sweep:
        fix = f"restore into {out.parent / manifest.sweep}: the name ties it to its studies and runs"
        raise SynaugError(Problem(f"the archive holds the sweep {manifest.sweep!r}", str(file), fix))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.restoring-") as scratch:
        with _readable(file) as tar:
            for member in tar:
                if PurePosixPath(member.name).parts[0] == SWEEP:
                    tar.extract(member, scratch, filter="data")
        os.replace(Path(scratch, SWEEP), out)
    out.chmod(0o700)
    sync_folder(out.parent)
    return manifest


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(writer: _Writer, places: Places, sweep: str, told: Progress | None) -> None:
    for path in _own_files(places.out):
        writer.file(_member(path, places.out), path)
    studies = study_records(places.storage, sweep)
    writer.text(STUDIES, json.dumps(studies))
    experiment_id = find_experiment(places.tracking_uri, sweep)
    runs = 0 if experiment_id is None else _add_runs(writer, places.tracking_uri, experiment_id, told)
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "synaug": synaug.__version__,
        "sweep": sweep,
        "at": now(),
        "files": writer.files.copy(),
        "experiment_id": experiment_id,
        "runs": runs,
        "trials": sum(len(study["trials"]) for study in studies),
    }
    writer.text(MANIFEST, json.dumps(fields, indent=1))


def _member(path: Path, out: Path) -> str:
    return f"{SWEEP}/{path.relative_to(out).as_posix()}"


def _own_files(out: Path) -> list[Path]:
    """Files of a sweep's folder.

    Raises:
        SynaugError: there is a link (exit 9).
    """
    paths = sorted(out.rglob("*"))
    links = [path for path in paths if path.is_symlink()]
    if links:
        fix = "put the file itself there"
        raise SynaugError([Problem("a link cannot be archived", str(p), fix) for p in links], Exit.INTEGRITY)
    return [path for path in paths if path.is_file() and path.name not in NOT_PACKED]


def _add_runs(writer: _Writer, uri: str, experiment_id: str, told: Progress | None) -> int:
    """Add the artifacts of each run, then all runs as JSON lines; return how many."""
    lines = []
    for record in run_records(uri, experiment_id):
        run_id = record["info"]["run_id"]
        with tempfile.TemporaryDirectory(prefix="synaug-") as scratch:
            for path in download_run(uri, record, Path(scratch)):
                writer.file(f"{ARTIFACTS}/{run_id}/{path.relative_to(scratch).as_posix()}", path)
        lines.append(redact(json.dumps(record)) + "\n")
        if told is not None:
            told(len(lines), len(lines))
    writer.text(RUNS, "".join(lines))
    return len(lines)


@contextmanager
def _readable(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:gz") as tar:
            yield tar
    except FileNotFoundError:
        fix = "give a file that `synaug archive` made"
        problem = Problem(f"there is no archive {file}", str(file.absolute()), fix, "D69")
        raise SynaugError(problem) from None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise _damaged(file, str(error)) from error


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _damaged(file: Path, reason: str) -> SynaugError:
    problem = Problem(
        f"the archive cannot be relied on: {reason}", str(file), "pack it again, or find a copy", "D69"
    )
    return SynaugError(problem, Exit.INTEGRITY)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
