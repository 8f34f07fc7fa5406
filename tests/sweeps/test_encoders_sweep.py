"""A real sweep over several encoders, one of them vectors of the data: records, resume, answers, export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import optuna
import pandas as pd
import pytest

from sweeps import ledger
from sweeps.api import load_sweep
from sweeps.ledger import read
from sweeps.ledger_state import state
from sweeps.places import places
from sweeps.standing import disagreements
from sweeps.storage import close_storage, open_storage
from tracking import PARENT, open_client

pytestmark = pytest.mark.slow

ARMS = ("none", "logit_adjust", "smote")
NAMES = ("encoder", "encoder/cls/raw", "vectors")
SCHEMA = Path(ledger.__file__).with_name("ledger_schema.json")


def options(folder: Path) -> list[str]:
    """Of the command line: three arms and three encoders, on data with vectors beside them."""
    fields = (
        f"data={{source: {folder / 'data.csv'}, vector_file: vectors.npy}}",
        f"arms=[{','.join(ARMS)}]",
        "design=defaults",
        "encoders=[{},{pooling: cls, normalize: false},vectors]",
    )
    return [part for field in fields for part in ("--set", field)]


@pytest.fixture(scope="module")
def several(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep, first with two replicates, then with three; the vectors tell the classes apart."""
    folder = tmp_path_factory.mktemp("encoders")
    (folder / "data.csv").write_bytes((workshop.folder / "data.csv").read_bytes())
    telling = (pd.read_csv(folder / "data.csv")["label"] == "teapot").to_numpy()
    noise = np.random.default_rng(1).normal(size=(len(telling), 5))
    np.save(folder / "vectors.npy", noise + 5 * telling[:, None])
    out = folder / "runs" / "tiny"
    for more in ((), ("--extend", "replicates=3")):
        code, text = workshop.run("sweep", out, "--workers", 2, *options(folder), *more)
        assert code == 0, text
    return out


def cells_of(out: Path, stage: str) -> list[dict[str, Any]]:
    lines = state(read(out / "ledger.jsonl").lines).cells.values()
    return [dict(line) for line in lines if line["stage"] == stage]


def test_the_ledger_has_every_arm_for_every_encoder(several: Path) -> None:
    lines = read(several / "ledger.jsonl").lines
    schema = json.loads(SCHEMA.read_text())
    for line in lines:
        jsonschema.validate(line, schema)
    ended = {(c["config"]["encoder"], c["config"]["arm"]): c for c in cells_of(several, "design")}
    assert set(ended) == {(name, arm) for name in NAMES for arm in ARMS}
    assert {(cell["status"], cell["replicates"]) for cell in ended.values()} == {("ok", 3)}
    header = state(lines).header
    assert header is not None
    facts = header["encoders"]
    assert [(name, facts[name]["dimensions"], facts[name]["normalized"]) for name in facts] == [
        (NAMES[0], 32, True), (NAMES[1], 32, False), (NAMES[2], 5, False),
    ]  # fmt: skip
    assert header["encoder_digest"] == facts[NAMES[0]]["digest"]
    proposed = {(c["config"]["encoder"], c["config"]["arm"]) for c in cells_of(several, "exploit")}
    assert proposed == {(NAMES[0], "smote")}


def test_encoders_differ_in_scores_and_share_their_draws(several: Path) -> None:
    results = state(read(several / "ledger.jsonl").lines).results.values()
    by: dict[str, dict[int, Any]] = {}
    for line in results:
        if line["stage"] == "design" and line["config"]["arm"] == "none":
            by.setdefault(line["config"]["encoder"], {})[line["replicate"]] = line
    scores = {name: [of[r]["scores"]["dev_auc"] for r in range(3)] for name, of in by.items()}
    assert len({tuple(values) for values in scores.values()}) == 3
    assert min(scores["vectors"]) > 0.99 > max(scores[NAMES[0]] + scores[NAMES[1]])
    assert len({json.dumps([of[r]["counts"] for r in range(3)]) for of in by.values()}) == 1


def test_the_first_encoder_s_numbers_are_those_of_a_sweep_of_its_own(
    several: Path, finished: Any, design_scores: Callable[[Any], dict[Any, Any]]
) -> None:
    """The data digest is that of the texts, so that draws are the same with vectors beside them."""

    def by_arm(lines: Any, encoder: str) -> dict[tuple[str, int], Any]:
        configs = state(lines).configs
        return {
            (configs[key]["arm"], replicate): values
            for (key, replicate), values in design_scores(lines).items()
            if configs[key]["encoder"] == encoder
            and configs[key].get("ratio", 100) == 100
            and configs[key].get("k", 3) == 3
        }

    here, alone = by_arm(read(several / "ledger.jsonl").lines, NAMES[0]), by_arm(finished.lines, "encoder")
    shared = here.keys() & alone.keys()
    assert {arm for arm, _ in shared} >= {"none", "logit_adjust"}
    assert {pair: here[pair] for pair in shared} == {pair: alone[pair] for pair in shared}


def test_optuna_and_mlflow_tell_the_encoders_apart(several: Path) -> None:
    where = places(several, environment={})
    assert disagreements(where, "tiny", read(several / "ledger.jsonl").lines) == []
    storage = open_storage(where.storage)
    studies = {study.study_name for study in optuna.get_all_study_summaries(storage)}
    close_storage(storage)
    assert {"tiny/none", f"tiny/none.{NAMES[1]}.mlp", "tiny/smote.vectors.mlp"} <= studies
    client = open_client(where.tracking_uri)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    runs = {run.data.tags["trial_key"]: run for run in client.search_runs([experiment], max_results=100)}
    parent = runs.pop(PARENT)
    assert parent.data.params["encoder"] == ", ".join(NAMES)
    assert {run.data.tags["encoder"] for run in runs.values()} == set(NAMES)
    assert all(run.data.params["encoder"] == run.data.tags["encoder"] for run in runs.values())


def test_the_answers_are_apart_and_compare_the_encoders(several: Path) -> None:
    sweep = load_sweep(several)
    found = sweep.ask("encoder")
    pairs = [a for a in found.answers if a.detail["kind"] == "encoders"]
    assert len(pairs) == 3 * len(ARMS)
    assert {a.n for a in pairs} == {3}
    gains = [a for a in found.answers if a.detail["kind"] == "transfer"]
    assert {(a.detail["first"], a.detail["second"]) for a in gains} == {
        (NAMES[0], NAMES[1]), (NAMES[0], NAMES[2]), (NAMES[1], NAMES[2]),
    }  # fmt: skip
    for answer in sweep.ask("method").answers:
        assert answer.sentence.startswith(tuple(f"[encoder {name}] " for name in NAMES))


def test_a_cell_of_own_vectors_is_not_exported(several: Path, workshop: Any) -> None:
    key = next(c["trial_key"] for c in cells_of(several, "design") if c["config"]["encoder"] == "vectors")
    code, text = workshop.run("export", several, key)
    assert code == 4
    assert "'vectors' came with the data, and a model takes texts" in text
    code, text = workshop.run("verify", several)
    assert code == 0, text


def test_changed_vectors_are_other_data(several: Path, workshop: Any) -> None:
    file = several.parent.parent / "vectors.npy"
    X = np.load(file)
    np.save(file, X + 1)
    code, text = workshop.run("sweep", several, *options(file.parent))
    np.save(file, X)
    assert code == 7, text
    assert "encoder vectors: the sweep has" in text
