"""How an attempt at a cell died, and in which words a cell is given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Cause = Literal["process", "memory", "node", "timeout", "cut off"]

WORDS: Final[dict[str, str]] = {
    "process": "its process died",
    "memory": "it was killed for want of memory",
    "node": "its node died",
    "timeout": "it ran longer than limits.cell_timeout allows",
    "cut off": "it was cut off by the death of another cell",
}


@dataclass(frozen=True)
class Death:
    """The end of an attempt that left results missing.

    Attributes:
        cause: what ended it; ``cut off`` is no fault of the cell and does not count.
        detail: what is known beyond the cause, such as the memory that was used; may be empty.
        stack: where its threads stood, of a timeout.
    """

    cause: Cause
    detail: str = ""
    stack: str | None = None

    @property
    def counts(self) -> bool:
        """Whether the cell is nearer to be given up by it."""
        return self.cause != "cut off"

    def __str__(self) -> str:
        """Return it as a sentence without its subject."""
        return WORDS[self.cause] + (f" ({self.detail})" if self.detail else "")


EARLY: Final = Death("process", "it ended before all results were there")


def given_up(deaths: Sequence[Death]) -> str:
    """The reason of a cell that is tried no more: ``timeout``, or ``poison`` with the causes."""
    causes = list(dict.fromkeys(death.cause for death in deaths))
    word = "timeout" if causes == ["timeout"] else "poison"
    return f"{word}: in {len(deaths)} attempts {'; '.join(dict.fromkeys(map(str, deaths)))}"
