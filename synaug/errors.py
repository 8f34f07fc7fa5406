"""Errors that a user can mend: place, value, expectation, remedy and an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    BUG = 1
    USAGE = 2
    SPEC = 3
    DATA = 4
    SERVICE = 5
    RESOURCES = 6
    CONFLICT = 7
    SOME_FAILED = 8
    INTEGRITY = 9
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what, where, and what to do about it.

    ``code`` is its heading in docs/errors.md, such as ``D04``.
    """

    message: str
    where: str | None = None
    fix: str | None = None
    code: str | None = None

    def __str__(self) -> str:
        lines = [self.message]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.fix:
            lines.append(f"  fix:   {self.fix}")
        return "\n".join(lines)


class SynaugError(Exception):
    """A problem of the user's input or surroundings; carries every problem found at once.

    Args:
        problems: one or more problems; a string is a problem without place and remedy.
        exit: the exit code that the command line ends with.
    """

    def __init__(self, problems: str | Problem | Iterable[Problem], exit: Exit = Exit.USAGE):
        if isinstance(problems, str):
            problems = (Problem(problems),)
        elif isinstance(problems, Problem):
            problems = (problems,)
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.exit = exit
        super().__init__("\n".join(str(problem) for problem in self.problems))


@contextmanager
def placed(where: str) -> Iterator[None]:
    """Name the place in problems that do not know it themselves."""
    try:
        yield
    except SynaugError as error:
        problems = [p if p.where else replace(p, where=where) for p in error.problems]
        raise SynaugError(problems, error.exit) from error


class NotApplicable(Exception):
    """A method cannot work on this data; the message is the reason. A result, not a failure."""


def did_you_mean(value: str, options: Sequence[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the option closest to ``value``, or an empty string."""
    close = get_close_matches(value, list(options), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
