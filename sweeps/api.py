"""Sweeps from a script or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.console import Console

from synaug.errors import SynaugError

from . import launch
from .analysis.columns import columnar
from .analysis.records import records
from .answers import Answers, ask
from .gate import is_due, open_gate
from .launch import RunOptions
from .ledger import Line, read
from .ledger_state import state
from .places import ledger_of, places
from .resume import resolve
from .spec import Spec, load_spec

if TYPE_CHECKING:
    from synaug.deploy import TextClassifier


@dataclass(frozen=True)
class Sweep:
    """A sweep's records, read from its ledger each time they are asked for.

    Attributes:
        out: folder of the sweep, or a ledger alone.
    """

    out: Path

    def lines(self) -> Sequence[Line]:
        """The lines of the ledger, in order."""
        return read(ledger_of(self.out), strict=False).lines

    def records(self) -> pd.DataFrame:
        """One row a cell and replicate: configuration, scores as fractions, chosen steps.

        Each column has one type, so that ``to_parquet`` keeps the frame as it is: see ``columnar``.
        """
        return columnar(records(self.lines()))

    def classifier(self, folder: str | Path) -> TextClassifier:
        """Download the model that was exported last and load it; runs no code of it.

        Args:
            folder: where its files go; they must stay there while it is used.

        Raises:
            SynaugError: none was exported (exit 2), or the registry holds something else (exit 9).
        """
        from .export import load_exported

        lines = self.lines()
        return load_exported(lines, places(self.out, header=state(lines).header), Path(folder))

    def ask(self, question: str, second: str | None = None, against: Sweep | None = None) -> Answers:
        """Answer a question.

        Args:
            question: method, k, metric, ratio, latent, vae, budget, classifier, encoder, imbalance, size,
                winner, noise, all, another knob, or the first characters of a cell's trial key.
            second: the first characters of the trial key of a second cell.
            against: a second sweep to compare with.
        """
        other = None if against is None else against.lines()
        return ask(self.lines(), question, second=second, against=other)


def run_sweep(
    spec: Spec | str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    options: RunOptions | None = None,
    tracking_uri: str | None = None,
    storage: str | None = None,
) -> Sweep:
    """Run a sweep, or go on with the one in ``out``.

    Args:
        spec: a spec, a preset's name, a YAML file or the fields themselves; None: the quickstart.
        out: folder of the results, ``runs/NAME`` by default.
        options: where it runs.
        tracking_uri: MLflow's store; beside the sweep by default.
        storage: Optuna's storage; beside the sweep by default.

    Raises:
        SynaugError: the input or the surroundings are wrong, or a cell failed; ``exit`` has the
            command line's exit code.

    Example:
        >>> sweep = run_sweep("quickstart", "runs/quickstart")  # doctest: +SKIP
        >>> sweep.ask("method").answers[0].sentence  # doctest: +SKIP
    """
    loaded = (
        spec if isinstance(spec, Spec) else load_spec(spec, name=Path(out).absolute().name if out else None)
    )
    folder = Path(out) if out is not None else Path("runs") / loaded.name
    header = state(read(folder / "ledger.jsonl", strict=False).lines).header
    where, options = places(folder, tracking_uri, storage, header), options or RunOptions()
    resolved, console = resolve(loaded, where, options.extend), Console(stderr=True, quiet=True)
    ended = launch.run(resolved, where, options, console)
    if is_due(where, ended):
        open_gate(where, None, options, console)
    if ended.exit:
        raise SynaugError(
            "\n".join([f"{ended.done} of {ended.total} cells are finished", *ended.notes]), ended.exit
        )
    return Sweep(folder)


def load_sweep(out: str | Path) -> Sweep:
    """Open the records of a sweep that exists, or of a ledger file.

    Raises:
        SynaugError: there is no ledger (exit 2).
    """
    folder = Path(out)
    if not ledger_of(folder).is_file():
        raise SynaugError(f"{folder} holds no sweep: there is no ledger.jsonl")
    return Sweep(folder)
