"""Writes a report: the page, claims, figures, tables and frames, each file at once or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..analysis.evidence import gather
from ..analysis.records import Line
from ..comparisons import MARGIN
from .cards import cards
from .checks import Check, self_check
from .claims import ask_all, claims_of, document
from .frames import all_frames, parquet
from .look import arm_styles
from .model import Chart, Section, Source, Table
from .page import Head, paper_files, render
from .sections import SECTIONS
from .sketches import Sketch
from .tables import csv, latex

PAGE, CLAIMS = "report.html", "claims.json"


@dataclass(frozen=True)
class Report:
    """A report that was made.

    Attributes:
        files: content by path below the report's folder.
        checks: what was computed again.
        claims: number of claims.
    """

    files: Mapping[str, bytes]
    checks: tuple[Check, ...]
    claims: int

    @property
    def wrong(self) -> tuple[str, ...]:
        """What the self-check found wrong: for each check how much, and the first of it."""
        return tuple(
            f"{check.name}: {len(check.wrong)} do not hold, first {check.wrong[0]}"
            for check in self.checks
            if check.wrong
        )


def make(
    lines: Sequence[Line],
    name: str,
    others: Sequence[Sequence[Line]] = (),
    sketches: Mapping[str, Sketch] | None = None,
) -> Report:
    """Make a report from ledger lines, also hand-made ones.

    Args:
        lines: lines of the ledger as mappings.
        name: the sweep's name where the ledger has no header.
        others: ledgers of sweeps of other data sets, for the section over data sets.
        sketches: where synthetic rows lie, by cell; the ledger does not hold them.

    Raises:
        SynaugError: lines that cannot be read (exit 4).
    """
    evidence = gather(lines)
    margin = float(evidence.header.get("margin", MARGIN))
    answers = ask_all(lines, margin, others)
    claims = claims_of(answers)
    arms = tuple(dict.fromkeys(cell.arm for cell in evidence.cells))
    contexts = evidence.contexts()
    source = Source(lines, evidence, contexts, claims, margin, arm_styles(arms), sketches or {})
    sections = [section(source) for section in SECTIONS]
    inference = "repetitions" if evidence.repetitions else "replicates"
    checks = self_check(lines, claims, inference)
    files = _frames(lines) | _evidence(sections)
    sweep = str(evidence.header.get("sweep", name))
    claimed = document(sweep, answers, claims, margin)
    files[CLAIMS] = json.dumps(claimed, ensure_ascii=False, indent=1, allow_nan=False).encode()
    warnings = tuple(dict.fromkeys(text for asked in answers for text in asked.warnings))
    head = Head(sweep, _facts(source), _listed(files))
    page = render(head, cards(claims), sections, checks, warnings, claimed["claims"])
    files[PAGE] = page.encode()
    return Report(files, checks, len(claims))


def _facts(source: Source) -> str:
    evidence = source.evidence
    results = len(evidence.results)
    replicates = evidence.results["replicate"].nunique()
    kind = "repetitions of cross-validation" if evidence.repetitions else "independent replicates"
    said = [f"{len(evidence.cells)} cells", f"{replicates} {kind}", f"{results} results"]
    return " · ".join([*said, f"margin ±{source.margin:.2f} points"])


def _frames(lines: Sequence[Line]) -> dict[str, bytes]:
    return {f"{name}.parquet": parquet(frame) for name, frame in all_frames(lines).items()}


def _evidence(sections: Sequence[Section]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for part in (part for section in sections for part in section.parts):
        if isinstance(part, Chart):
            found: dict[str, Any] = {f"figures/{n}": content for n, content in paper_files(part).items()}
        elif isinstance(part, Table):
            found = {
                f"tables/{part.name}.csv": csv(part).encode(),
                f"tables/{part.name}.tex": latex(part).encode(),
            }
        else:
            continue
        assert not files.keys() & found.keys(), f"two parts of a report are called {part.name}"
        files |= found
    return files


def _listed(files: Mapping[str, bytes]) -> tuple[str, ...]:
    plain = sorted(name for name in files if "/" not in name)
    folders = sorted({name.partition("/")[0] + "/" for name in files if "/" in name})
    return (*plain, *folders)


def save(report: Report, folder: Path) -> None:
    """Write the files; each replaces its older self at once, others in the folder are left alone.

    Raises:
        OSError: the folder cannot be written.
    """
    for name, content in report.files.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".report-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
