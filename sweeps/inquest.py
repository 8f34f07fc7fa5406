"""Finds out how an attempt died: from Ray's error, and from the note that it left on its node."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ray.exceptions import OutOfMemoryError

from .attempt import Note, name_of, take
from .death import Death
from .nodes import ask_each, nodes

SECONDS = 20.0  # that the nodes may take to hand out their notes
USED = re.compile(r"memory used[=:]\s*([\d.]+\s*[GM]i?B)", re.IGNORECASE)
PID = re.compile(r"\bpid[=:]\s*(\d+)", re.IGNORECASE)
NODE = re.compile(r"\bnode (has )?(died|failed|was terminated)|node is dead", re.IGNORECASE)

Attempt = tuple[str, int]  # trial_key and number


@dataclass(frozen=True)
class Inquest:
    """Looks into the deaths of one run's attempts.

    Attributes:
        run: what the names of the notes begin with.
        timeout: seconds that an attempt may take.
    """

    run: str
    timeout: float | None

    def of(self, attempt: Attempt, said: str) -> Death:
        """How one attempt died, of which Ray says so much."""
        notes, silent = self._notes([attempt])
        note = notes.get(attempt)
        if note is not None and note.stack is not None:
            return Death("timeout", f"{self.timeout:g} s", note.stack)
        # A machine that dies counts as alive for some seconds more, in which it does not answer.
        alive = {node.id for node in nodes()} - silent
        gone = bool(silent) if note is None else note.node not in alive
        return Death("node" if gone or NODE.search(said) else "process")

    def of_all(self, attempts: Sequence[Attempt], error: BaseException) -> dict[Attempt, Death]:
        """How the attempts ended that ran when Tune gave up.

        Tune does so when Ray's memory monitor kills one of them. The error names a process, so that
        the others need not be blamed.
        """
        memory = next(filter(None, map(_memory, _chain(error))), None)
        if memory is None:
            return dict.fromkeys(attempts, Death("process"))
        pids = {int(pid) for cause in _chain(error) for pid in PID.findall(str(cause))}
        notes, _ = self._notes(attempts)
        guilty = [attempt for attempt, note in notes.items() if note.pid in pids]
        blamed = guilty or attempts
        return {attempt: memory if attempt in blamed else Death("cut off") for attempt in attempts}

    def _notes(self, attempts: Sequence[Attempt]) -> tuple[Mapping[Attempt, Note], frozenset[str]]:
        """The notes that the nodes which live still have, and the nodes that do not answer."""
        names = {name_of(self.run, *attempt): attempt for attempt in attempts}
        answers = ask_each(nodes(), take, list(names), seconds=SECONDS)
        found: dict[Attempt, Note] = {}
        for answer in answers:  # one that could not look answers, but has no notes
            found |= {names[name]: note for name, note in (answer.said or {}).items()}
        return found, frozenset(answer.node.id for answer in answers if answer.silent)


def _memory(error: BaseException) -> Death | None:
    if not isinstance(error, OutOfMemoryError):
        return None
    used = USED.search(str(error))
    return Death("memory", f"it used {used[1]}" if used else "")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__
