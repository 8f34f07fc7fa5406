"""The ledger: the append-only record of finished work, written by one process at a time."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from synaug.errors import Exit, Problem, SynaugError

from .canonical import canonical_json, crc32
from .removal import refuse_half_removed
from .stored import ResultIndex, StoredLine

SCHEMA = 1
KINDS = ("sweep", "start", "result", "cell", "test", "mlflow")
FILE = "ledger.jsonl"
LARGE = 32 << 20  # bytes; a longer ledger is not held in memory

Line = Mapping[str, Any]


def now() -> str:
    """Return the time in UTC, to the second: ``2026-11-21T03:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Reading:
    """What a ledger file holds.

    Attributes:
        lines: the whole lines, in order; of a large file, what is long stays on the disk.
        size: bytes up to the end of the last whole line.
        torn: bytes after it, of a line that was being written when its writer died; they are not
            in ``lines``.
        index: where the results lie.
    """

    lines: tuple[Line, ...]
    size: int
    torn: int
    index: ResultIndex = field(default_factory=ResultIndex)


def read(path: Path, strict: bool = True) -> Reading:
    """Read a ledger. A file that is not there reads as empty.

    Args:
        path: the file.
        strict: check ``crc``, ``schema`` and ``kind`` of every line, as a resume needs; otherwise
            any JSON objects will do, so that a file made by hand can be asked.

    Raises:
        SynaugError: INTEGRITY when a line other than a torn last one cannot be relied on; when
            strict, a copy of the file is kept beside it as ``ledger.jsonl.bad-1``, ``-2``, ...
    """
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        return Reading((), 0, 0)
    lines: list[Line] = []
    size, index = 0, ResultIndex()
    with file:
        stored = os.fstat(file.fileno()).st_size > LARGE
        for number, piece in enumerate(file, start=1):
            if piece.strip():
                line, problem = _parse(piece, strict)
                if line is None and not piece.endswith(b"\n"):
                    return Reading(tuple(lines), size, len(piece), index)
                if line is None:
                    raise _refusal(path, number, problem, keep=strict)
                lines.append(StoredLine(path, size, line) if stored else line)
                index.note(line, size)
            size += len(piece)
    return Reading(tuple(lines), size, 0, index)


def _parse(piece: bytes, strict: bool) -> tuple[Line | None, str]:
    """Read one line; the text says why it cannot be relied on."""
    try:
        line = json.loads(piece)
    except ValueError:
        return None, "not JSON"
    if not isinstance(line, dict):
        return None, "not a JSON object"
    if strict:
        body = {key: value for key, value in line.items() if key != "crc"}
        if line.get("crc") != _crc(body):
            return None, "its crc does not fit" if "crc" in line else "it has no crc"
        if line.get("schema") != SCHEMA or line.get("kind") not in KINDS:
            return None, f"schema {line.get('schema')!r}, kind {line.get('kind')!r} are not known here"
    return line, ""


def _crc(body: Line) -> str | None:
    try:
        return crc32(body)
    except ValueError:  # NaN or infinity, which no writer of ours lets in
        return None


def _refusal(path: Path, number: int, reason: str, keep: bool) -> SynaugError:
    fix = "restore the file from a backup, or start again in another folder"
    if keep:
        fix += f"; a copy is kept as {_keep(path).name}"
    text = f"{path.name}: line {number} cannot be relied on: {reason}"
    return SynaugError(Problem(text, f"{path}, line {number}", fix), Exit.INTEGRITY)


def _keep(path: Path) -> Path:
    """Copy the file to the first free ``.bad-N``; an equal copy from an earlier try will do."""
    number = 1
    while (copy := path.with_name(f"{path.name}.bad-{number}")).exists():
        if filecmp.cmp(copy, path, shallow=False):
            return copy
        number += 1
    with path.open("rb") as source, open(copy, "xb", opener=_private) as file:
        shutil.copyfileobj(source, file)
    return copy


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Ledger:
    """The writer of a sweep's ledger; holds the sweep's folder until closed. Safe across threads.

    Opening reads and checks what is there (``reading``) and cuts off a torn last line.

    Args:
        out: the sweep's folder, made if absent, for its owner only.
        sweep: name of the sweep, written into every line.
        removing: open also a sweep whose removal has begun.

    Raises:
        SynaugError: CONFLICT when another process writes here, with its host, id and since when;
            INTEGRITY when the file cannot be relied on; RESOURCES when the disk refuses.
    """

    def __init__(self, out: Path, sweep: str, removing: bool = False):
        refuse_half_removed(out, unless=removing)
        self.sweep = sweep
        self.path = out / FILE
        self._mutex = threading.Lock()
        try:
            for folder in (out.parent, out):  # MLflow's and Optuna's files come to lie in the parent
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = FileLock(out / "ledger.lock", mode=0o600, thread_local=False)
            self._acquire(out / "ledger.holder.json")
        except OSError as error:
            raise _refused(out, error) from error
        try:
            self.reading = read(self.path)
            self._open()
        except OSError as error:
            self._lock.release()
            raise _refused(self.path, error) from error
        except SynaugError:
            self._lock.release()
            raise

    def _acquire(self, card: Path) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise _conflict(card) from None
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": now()}
        with open(card, "w", opener=_private) as file:
            json.dump(holder, file)

    def _open(self) -> None:
        new = not self.path.exists()
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._file, self.reading.size)
        self._size = self.reading.size
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            self._write(b"\n")
        if new:
            folder = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)

    def append(self, kind: str, fields: Mapping[str, Any]) -> Line:
        """Write one line to the disk and return it, with schema, sweep, time and crc.

        Raises:
            SynaugError: RESOURCES when the disk is full or refuses; nothing of the line is left.
        """
        assert kind in KINDS, kind
        body = {"schema": SCHEMA, "kind": kind, "sweep": self.sweep, "at": now(), **fields}
        line = json.loads(canonical_json(body))  # what a reader will see
        line["crc"] = crc32(line)
        with self._mutex:
            start = self._size
            self._write(canonical_json(line).encode() + b"\n")
            self.reading.index.note(line, start)
        return dict(line)

    def results(self, key: str) -> dict[int, Line]:
        """Read the results of a cell by replicate, from the disk; also after the ledger is closed."""
        return self.reading.index.read(self.path, key)

    def forget(self) -> None:
        """Let go of the lines that were read at the start: thousands of cells would fill the memory."""
        self.reading = replace(self.reading, lines=())

    def _write(self, data: bytes) -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise _refused(self.path, error) from error
        self._size += len(data)

    def close(self) -> None:
        """Give the sweep's folder free."""
        with self._mutex:
            os.close(self._file)
        self._lock.release()

    def __enter__(self) -> Self:
        """Return the ledger itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def _conflict(card: Path) -> SynaugError:
    try:
        holder = json.loads(card.read_text())
        who = "host {host}, pid {pid}, since {since}".format(**holder)
    except (OSError, ValueError, KeyError, TypeError):  # the holder is just writing it
        who = "another process"
    problem = Problem(
        f"the sweep in {card.parent} is being written by {who}",
        where=str(card.parent),
        fix="wait for it, stop it, or use another --out",
    )
    return SynaugError(problem, Exit.CONFLICT)


def _refused(path: Path, error: OSError) -> SynaugError:
    problem = Problem(
        f"{path.name} cannot be written: {error.strerror}",
        where=str(path),
        fix="make space or give write access, then run again: finished work is kept",
    )
    return SynaugError(problem, Exit.RESOURCES)
