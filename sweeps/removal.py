"""The mark of a sweep whose removal has begun: nothing else may write to it, and it is never packed again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from synaug.cache import replacing
from synaug.errors import Exit, Problem, SynaugError

FILE = "removing.json"


@dataclass(frozen=True)
class Removal:
    """What a removal that was cut off goes on with.

    Attributes:
        archive: the complete archive.
        sha256: of the archive.
        experiment_id: of MLflow; None where it has none of the sweep.
        renamed: what the experiment is called when it is deleted.
    """

    archive: str
    sha256: str
    experiment_id: str | None
    renamed: str

    def write(self, out: Path) -> None:
        """Mark a sweep, on disk when this returns."""
        with replacing(out / FILE) as file:
            file.write(json.dumps(asdict(self), indent=1).encode())

    @classmethod
    def of(cls, out: Path) -> Removal | None:
        """Read the mark of a sweep; None where there is none.

        Raises:
            SynaugError: it cannot be read (exit 9).
        """
        try:
            return cls(**json.loads((out / FILE).read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            problem = Problem(f"the mark of a removal cannot be read: {error}", str(out / FILE), _keep(out))
            raise SynaugError(problem, Exit.INTEGRITY) from error


def refuse_half_removed(out: Path, unless: bool = False) -> None:
    """Refuse a sweep whose removal has begun, ``unless`` it is this that goes on with it.

    Raises:
        SynaugError: it has (exit 7).
    """
    if not unless and (out / FILE).exists():
        fix = f"finish it with `synaug archive {out} --remove`; {_keep(out)}"
        raise SynaugError(Problem(f"the removal of {out} has begun", str(out / FILE), fix), Exit.CONFLICT)


def _keep(out: Path) -> str:
    return f"to keep the sweep delete {FILE}, then `synaug rebuild-study {out}` and `synaug sync {out}`"
