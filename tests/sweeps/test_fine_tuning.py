"""What a sweep with the classifier that fine-tunes shares with its cells, runs, estimates and answers."""

from __future__ import annotations

import json
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from sweeps.answers import ask
from sweeps.estimate import probe
from sweeps.graphs import with_graphs
from sweeps.job import job_of, neighborhoods
from sweeps.places import places
from sweeps.plan import Cell, planned_cells
from sweeps.prepare import Prepared, Shared, prepare, share
from sweeps.resume import describe, header
from sweeps.spec import Spec, load_spec
from sweeps.text_readers import check_readers
from sweeps.trial import Job, Work, _line, _trainer
from synaug.classifiers import backbone
from synaug.errors import Exit, SynaugError
from synaug.evaluate import train_here

FIELDS: dict[str, Any] = {
    "arms": ["none", "smote"],
    "design": "defaults",
    "search": {"trials": 0},
    "folds": 2,
    "space": {"k": [3], "ratio": [100], "metric": ["euclidean"]},
}
TUNED = {"name": "transformer", "ladder": [1, 3], "layers": 1, "batch_size": 16, "learning_rate": 0.01}

PLAIN = {"name": "logistic", "ladder": [1000]}


def spec_of(workshop: Any, *classifiers: Any) -> Spec:
    raw = yaml.safe_load(workshop.spec.read_text())
    return load_spec({**raw, **FIELDS, "classifiers": list(classifiers)})


@pytest.fixture(scope="module")
def prepared(workshop: Any) -> Prepared:
    return prepare(spec_of(workshop, PLAIN, TUNED))


@pytest.fixture(scope="module")
def shared(prepared: Prepared) -> Shared:
    made = with_graphs(share(prepared), *neighborhoods(planned_cells(prepared.spec), prepared.spec))
    assert len(pickle.dumps(made)) < 2_000_000  # no model is in it
    return made


def line_of(prepared: Prepared, shared: Shared, job: Job, cell: Cell, replicate: int) -> dict[str, Any]:
    key, config = describe(prepared, cell)
    work = Work(key, cell.arm, dict(cell.settings), [replicate], classifier=cell.classifier)
    line = json.loads(_line(work, replicate, shared, job))
    line.pop("seconds")
    stamp = {
        "schema": 1,
        "kind": "result",
        "sweep": "tiny",
        "stage": "design",
        "trial_key": key,
        "attempt": 1,
    }
    return {**stamp, "config": config, **line}


@pytest.fixture(scope="module")
def lines(prepared: Prepared, shared: Shared) -> list[dict[str, Any]]:
    head = {
        "schema": 1,
        "kind": "sweep",
        "sweep": "tiny",
        **header(prepared, places(Path("x"), environment={})),
    }
    job, spec = job_of(prepared.spec), prepared.spec
    results = [
        line_of(prepared, shared, job, cell, number)
        for cell in planned_cells(spec)
        for number in range(spec.replicates)
    ]
    return [head, *results]


def test_cells_fine_tune_on_the_texts_that_the_sweep_shares(
    prepared: Prepared, shared: Shared, lines: list[dict[str, Any]]
) -> None:
    assert shared.tokens is not None
    assert len(shared.tokens) == len(shared.X)
    results = [line for line in lines if line["kind"] == "result"]
    assert {line["status"] for line in results} == {"ok"}
    found = {(r["config"]["classifier"], r["config"]["arm"], r["replicate"]): r for r in results}
    assert len(found) == 2 * 2 * 2
    assert [rung["steps"] for rung in found["transformer", "none", 0]["curve"]] == [1, 3]
    assert found["transformer", "none", 0]["scores"] != found["transformer", "smote", 0]["scores"]
    cell = next(c for c in planned_cells(prepared.spec) if (c.classifier, c.arm) == ("transformer", "smote"))
    again = line_of(prepared, shared, job_of(prepared.spec), cell, 1)
    assert again == found["transformer", "smote", 1]


def test_a_sweep_without_it_shares_no_tokens(workshop: Any) -> None:
    assert share(prepare(spec_of(workshop, "mlp", "knn"))).tokens is None


def test_an_encoder_that_cannot_be_trained_is_refused_first(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_readers(prepared)
    monkeypatch.setattr(backbone, "off_by", lambda *_: np.nan)
    with pytest.raises(SynaugError, match="its layers, one after the other") as refused:
        check_readers(prepared)
    assert refused.value.exit is Exit.SPEC


def test_the_answers_say_where_synthetic_rows_enter(lines: list[dict[str, Any]]) -> None:
    found = ask(lines, "classifier")
    [moved] = [answer for answer in found.answers if answer.detail.get("base") == "none"]
    assert "smote gains" in moved.sentence
    assert {moved.detail["first"], moved.detail["second"]} == {"logistic", "transformer"}
    assert f"the gain with {moved.detail['second']} differs by" in moved.sentence
    assert any("behind the pooling of an encoder that is being trained" in text for text in found.warnings)
    others = [line for line in lines if line.get("config", {}).get("classifier") != "transformer"]
    assert not any("behind the pooling" in text for text in ask(others, "method").warnings)


def test_a_probe_says_how_long_it_takes(prepared: Prepared) -> None:
    costs = probe(prepared)
    none, smote = (costs["", "transformer", arm].training for arm in ("none", "smote"))
    assert none == smote > 0


def test_it_trains_on_a_gpu_only_where_the_sweep_has_some(prepared: Prepared) -> None:
    job, work = job_of(prepared.spec), Work("ab", "none", {}, [0], classifier="transformer")
    options = job.trained("transformer").options
    assert _trainer(work, 0, "", options, job) is None
    with_gpus = Job(job.options, None, others=job.others, gpus=True)
    found = _trainer(work, 0, "", options, with_gpus)
    assert isinstance(found, partial)
    assert (found.func, set(found.keywords)) == (train_here, {"device"})
    assert _trainer(work, 0, "", job.options, with_gpus) is None
