"""What a sweep goes on with: its spec, its cells and what the ledger has of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import synaug
from synaug.errors import Exit, Problem, SynaugError

from .entry import Entry
from .ledger_state import State
from .places import Places
from .plan import CONFIRM, Cell, Stage, cell_of, planned_cells, protocol, trial_key
from .prepare import Prepared
from .record import versions
from .search import ArmSearch
from .space import arm_levels
from .spec import Spec, diff_fields, load_spec


def resolve(spec: Spec, places: Places, extend: Mapping[str, int] | None) -> Spec:
    """Compare a spec with the one that a folder holds, and return what the sweep goes on with.

    From here on ``precision`` is one that the cells train in.

    Raises:
        SynaugError: the folder holds another sweep (exit 7).
    """
    extend = dict(extend or {})
    if not places.spec.exists():
        if extend:
            text, fix = f"--extend: there is no sweep in {places.out} yet", "run it first, without --extend"
            raise SynaugError(Problem(text, str(places.out), fix, "D46"), Exit.CONFLICT)
        return with_precision(spec)
    old = load_spec(places.spec)
    spec = with_precision(spec, old.precision)
    counts = {
        "replicates": (old.replicates, spec.replicates),
        "trials": (old.search.trials, spec.search.trials),
    }
    problems = [
        Problem(_differs(places, name, *pair), str(places.spec), "use another --out", "D46")
        for name, pair in diff_fields(old, spec).items()
    ]
    problems += [
        Problem(_differs(places, name, *pair), str(places.spec), f"use --extend {name}={pair[1]}", "D46")
        for name, pair in counts.items()
        if pair[1] > pair[0] and name not in extend
    ]
    if problems:
        raise SynaugError(problems, Exit.CONFLICT)
    replicates = max(old.replicates, extend.get("replicates", 0))
    trials = max(old.search.trials, extend.get("trials", 0))
    search = old.search.model_copy(update={"trials": trials})
    return spec.model_copy(update={"name": old.name, "replicates": replicates, "search": search})


def with_precision(spec: Spec, before: str | None = None) -> Spec:
    """Fix ``precision: auto``: a sweep keeps what it began with, a new one takes what is fast here."""
    if spec.precision != "auto":
        return spec
    from synaug.classifiers.precision import fastest_precision

    return spec.model_copy(update={"precision": before or fastest_precision()})


def _differs(places: Places, name: str, before: object, after: object) -> str:
    return f"{name}: the sweep in {places.out} has {before!r}, now it is {after!r}"


def header(prepared: Prepared, places: Places) -> dict[str, Any]:
    """The ``sweep`` line: what all cells share, and what the analysis must know of the draws."""
    spec, natural = prepared.spec, prepared.spec.imbalance.kind == "natural"
    return {
        "spec_hash": spec.hash,
        "versions": versions() | {"engine": synaug.ENGINE_VERSION},
        "data_digest": prepared.corpus.digest,
        "encoder_digest": prepared.encoder.digest,
        "encoders": _encoder_facts(prepared),
        "classes": list(prepared.corpus.classes),
        "sizes": dict(zip(prepared.corpus.classes, prepared.split.sizes.tolist(), strict=True)),
        "overlap": {} if natural else prepared.overlap,
        "confirm_overlap": prepared.confirm_overlap if spec.confirm.replicates else {},
        "inference": "repetitions" if natural else "replicates",
        "folds": spec.folds,
        "replicates": spec.replicates,
        "seed": spec.seed,
        "margin": spec.margin,
        "families": {name: list(texts) for name, texts in spec.families.items()},
        "tracking_uri": places.shown_tracking_uri,
        "storage": places.shown_storage,
    }


def check_same(before: State, prepared: Prepared) -> None:
    """Refuse to mix results of other data, another encoder or code that gives other numbers.

    Raises:
        SynaugError: CONFLICT, with all that differs.
    """
    if before.header is None:
        return
    corpus, encoder = prepared.corpus, prepared.encoder
    checked = {
        "data_digest": (before.header["data_digest"], corpus.digest, corpus.source),
        "encoder_digest": (before.header["encoder_digest"], encoder.digest, encoder.name),
    }
    for name, facts in _encoder_facts(prepared).items():
        if name in before.header.get("encoders", {}) and name in prepared.spec.other_encoders:
            known = before.header["encoders"][name]["digest"]
            checked[f"encoder {name}"] = known, facts["digest"], name
    problems = [
        Problem(f"{name}: the sweep has {old[:12]}…, now it is {digest[:12]}…", where,
                f"use another --out, or bring the old {name.removesuffix('_digest')} back", "D47")
        for name, (old, digest, where) in checked.items()
        if old != digest
    ]  # fmt: skip
    engine = before.header.get("versions", {}).get("engine", synaug.ENGINE_VERSION)
    if engine != synaug.ENGINE_VERSION:
        text = f"engine_version: the sweep has {engine}, now it is {synaug.ENGINE_VERSION}"
        fix = "use another --out, or the version of synaug that began it"
        problems.append(Problem(text, f"synaug {synaug.__version__}", fix, "D47"))
    if problems:
        raise SynaugError(problems, Exit.CONFLICT)


def _encoder_facts(prepared: Prepared) -> dict[str, dict[str, Any]]:
    """What answers must know of the encoders, by name."""
    return {
        name: {"digest": made.digest, "dimensions": made.dimensions, "normalized": declared.normalize}
        for (name, made), declared in zip(prepared.encoders.items(), prepared.spec.every_encoder, strict=True)
    }


def describe(prepared: Prepared, cell: Cell) -> tuple[str, dict[str, Any]]:
    """The key of a cell, and its configuration as records show it."""
    spec = prepared.spec
    config = cell.config(spec, prepared.corpus.name, next(iter(prepared.encoders)))
    digests = prepared.corpus.digest, prepared.encoders[str(config["encoder"])].digest
    how = protocol(spec, cell.classifier)
    return trial_key(config, *digests, how, synaug.ENGINE_VERSION), config


def replicates_of(spec: Spec, cell: Cell) -> int:
    """Replicates that a cell has when it is done."""
    return spec.confirm.replicates if cell.scene == CONFIRM else spec.replicates


def entries_of(spec: Spec, prepared: Prepared, before: State) -> list[Entry]:
    """Planned cells, then those found by search or confirmed before, with what the ledger has of each."""
    cells = list(planned_cells(spec))
    known = {describe(prepared, cell)[0] for cell in cells}
    for key, config in before.configs.items():
        if key not in known:
            fresh = config.get("draws") == CONFIRM
            stage: Stage = "confirm" if fresh else "exploit"
            cells.append(cell_of(config, stage, len(cells), spec.other_encoders))
    entries = []
    for cell in cells:
        key, config = describe(prepared, cell)
        results = {r: before.results[key, r] for r in sorted(before.replicates.get(key, ()))}
        closed = before.cells.get(key)
        if closed is not None and closed["status"] == "ok" and len(results) < replicates_of(spec, cell):
            closed = None  # replicates were added
        entries.append(Entry(cell, key, config, results, before.attempts.get(key, 0), closed=closed))
    return entries


def searches(spec: Spec, entries: list[Entry]) -> dict[str, ArmSearch]:
    """One search for each arm that has something to search, told what is known of its classifier."""
    found = {}
    for arm in spec.arms:
        if spec.search.trials and any(len(levels) > 1 for levels in arm_levels(spec, arm).values()):
            found[arm] = ArmSearch(spec, arm)
    for entry in entries:
        cell = entry.cell
        if cell.arm in found and cell.group == spec.classifier.name and not cell.extras:
            found[entry.cell.arm].exclude(entry.cell.settings)
            if entry.closed is not None:
                found[entry.cell.arm].tell(entry.cell.settings, entry.closed.get("value"))
    return found
