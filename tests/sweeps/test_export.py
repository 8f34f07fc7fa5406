"""The winner at work: a finished sweep becomes a model that a fresh process serves."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from mlflow import MlflowClient
from rich.console import Console

from sweeps import export as exporting
from sweeps.api import Sweep, load_sweep
from sweeps.export import REQUIRED, Exported, export
from sweeps.ledger import Ledger, read
from sweeps.ledger_state import is_model, state
from sweeps.places import Places, places
from sweeps.prepare import prepare
from sweeps.resend import resend
from sweeps.spec import load_spec
from sweeps.standing import disagreements
from synaug.cache import file_sha256
from synaug.deploy import TextClassifier
from synaug.errors import Exit, SynaugError

QUIET = Console(quiet=True)
SCHEMA = json.loads((Path(exporting.__file__).parent / "ledger_schema.json").read_text())
TEXTS = ["wing shell leg antenna", "lid spout handle steam", "small old wing", "NA", ""]


@dataclass(frozen=True)
class Work:
    """A finished sweep with its own MLflow store, and what was exported from it."""

    places: Places
    before: str  # sha256 of the ledger that was exported from
    exported: Exported

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.places.tracking_uri, self.places.tracking_uri)

    @property
    def sweep(self) -> Sweep:
        return load_sweep(self.places.out)


@pytest.fixture(scope="module")
def work(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Work:
    out = tmp_path_factory.mktemp("export") / "runs" / "tiny"
    shutil.copytree(finished.out, out)
    where = places(out, environment={})
    sent, notes = resend(where, QUIET)  # a store that has none of the runs gets all
    assert (sent, notes) == (len(state(read(where.ledger).lines).cells), [])
    before = file_sha256(where.ledger)
    return Work(where, before, export(where, None, QUIET))


@pytest.fixture(scope="module")
def classifier(work: Work, tmp_path_factory: pytest.TempPathFactory) -> TextClassifier:
    return work.sweep.classifier(tmp_path_factory.mktemp("model"))


def files_of(work: Work) -> Path:
    version = work.client.get_model_version_by_alias("tiny", "champion")
    return Path(work.client.get_model_version_download_uri("tiny", version.version).removeprefix("file://"))


def test_the_best_cell_on_the_folds_is_trained_on_all_training_rows(work: Work) -> None:
    choice, final = work.exported.choice, work.exported.final
    lines = work.sweep.lines()
    folds = work.sweep.records().query("stage in ('design', 'exploit')").groupby("trial_key")["cv"].mean()
    assert choice.folds == pytest.approx(folds.max())
    assert choice.among == len(folds)
    prepared = prepare(load_spec(work.places.spec))
    labels = prepared.corpus.labels[prepared.split.pool]
    assert final.real == dict(zip(prepared.corpus.classes, np.bincount(labels).tolist(), strict=True))
    drawn = {d.rows.size for d in prepared.draws}
    assert sum(final.real.values()) > max(drawn)  # more than any draw
    steps = [x["chosen_steps"] for x in lines if x["kind"] == "result" and x["trial_key"] == choice.key]
    assert choice.steps in steps
    assert work.exported.apart < 1e-3


def test_the_registry_knows_where_it_comes_from(work: Work) -> None:
    version = work.client.get_model_version_by_alias("tiny", "champion")
    header, choice = state(work.sweep.lines()).header, work.exported.choice
    assert header is not None
    expected = {
        "sweep": "tiny",
        "trial_key": choice.key,
        "arm": choice.config["arm"],
        "spec_hash": header["spec_hash"],
        "data_digest": header["data_digest"],
        "encoder_digest": header["encoder_digest"],
        "ledger_sha256": work.before,
        "chosen": "on the folds",
        "candidates": str(choice.among),
        "dev_balanced_accuracy": f"{choice.score.mean:.4f}",
        "dev_balanced_accuracy_low": f"{choice.score.low:.4f}",
        "dev_balanced_accuracy_high": f"{choice.score.high:.4f}",
    }
    assert version.tags.items() >= expected.items()
    run = work.client.get_run(str(version.run_id))
    assert run.data.tags["trial_key"] == choice.key
    assert f"the best of {choice.among} cells on the folds" in str(version.description)


def test_the_ledger_has_its_files_and_goes_on_as_before(work: Work) -> None:
    *_, last = read(work.places.ledger).lines
    assert is_model(last)
    jsonschema.validate(last, SCHEMA)
    assert last["trial_key"] == work.exported.choice.key
    assert set(last["model"]["files"]) >= {"MLmodel", "text_model.py", "artifacts/classifier/config.json"}
    before, after = (state(read(work.places.ledger).lines[:end]) for end in (-1, None))
    assert after.acknowledged == before.acknowledged
    found = disagreements(work.places, "tiny", work.sweep.lines())
    assert [text for text in found if not text.startswith("Optuna")] == []  # the copy has no studies


def test_the_model_holds_no_text_no_pickle_and_pinned_requirements(work: Work, canary: str) -> None:
    files = [path for path in files_of(work).rglob("*") if path.is_file()]
    assert not [p for p in files if canary.encode() in p.read_bytes()]
    assert not [p for p in files if p.suffix in (".pkl", ".pyc", ".nbi", ".nbc", ".bin", ".pt")]
    lines = (files_of(work) / "requirements.txt").read_text().splitlines()
    assert sorted(line.partition("==")[0] for line in lines) == sorted(REQUIRED)
    assert not [line for line in lines if "+" in line]


def test_the_code_in_the_model_needs_no_more_than_its_requirements(work: Work, tmp_path: Path) -> None:
    """What the model's own copy of the package imports, beside the standard library."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import synaug.deploy; "
        "print(sorted({m.partition('.')[0] for m in sys.modules if not m.startswith('_')} "
        "- set(sys.stdlib_module_names)), synaug.__file__)"
    )
    folder = files_of(work) / "code"
    ended = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(folder) in ended.stdout
    assert not [
        name for name in ("sklearn", "imblearn", "numba", "pydantic", "ray") if f"'{name}'" in ended.stdout
    ]


def test_a_fresh_process_serves_it(work: Work, classifier: TextClassifier, tmp_path: Path) -> None:
    (tmp_path / "texts.json").write_text(json.dumps({"dataframe_records": [{"text": t} for t in TEXTS]}))
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", work.exported.registered.uri]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SYNAUG_CACHE")}
    ended = subprocess.run(
        [*command, "-i", "texts.json", "-t", "json", "--env-manager", "local"],
        cwd=tmp_path,
        env=environment | {"MLFLOW_TRACKING_URI": work.places.tracking_uri, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(ended.stdout)["predictions"]
    expected = classifier.probabilities(TEXTS)
    found = [[row[f"probability_{name}"] for name in classifier.classes] for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert [row["label"] for row in rows] == classifier.predict(TEXTS)
    assert "mismatches" not in ended.stderr


def test_it_says_what_its_rows_are(classifier: TextClassifier) -> None:
    assert classifier.classes == ("beetle", "teapot")
    probability = classifier.probabilities(TEXTS)
    np.testing.assert_allclose(probability.sum(1), 1)
    assert probability.shape == (len(TEXTS), 2)


def test_a_text_that_is_missing_is_refused(work: Work) -> None:
    import mlflow.pyfunc
    import pandas as pd

    path = sys.path.copy()
    try:
        model: Any = mlflow.pyfunc.load_model(str(files_of(work)), suppress_warnings=True)
    finally:
        sys.path[:] = path  # MLflow puts the model's code before ours
    with pytest.raises(ValueError, match=r"rows \[1\] have no text"):
        model.predict(pd.DataFrame({"text": ["a wing", None]}))


@pytest.fixture
def versions(work: Work) -> Iterator[list[str]]:
    """The versions that are registered; a test may not add any."""

    def now() -> list[str]:
        return sorted(str(v.version) for v in work.client.search_model_versions("name = 'tiny'"))

    before = now()
    yield before
    assert now() == before


def refusal(work: Work, key: str | None = None, **options: Any) -> SynaugError:
    lines = read(work.places.ledger).size
    with pytest.raises(SynaugError) as refused:
        export(options.pop("where", work.places), key, QUIET, **options)
    assert read(work.places.ledger).size == lines  # nothing was recorded
    return refused.value


@pytest.mark.usefixtures("versions")
def test_a_model_that_is_off_is_not_registered(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "CLOSE", {"float32": -1.0})
    error = refusal(work)
    assert (error.exit, "off the trained one" in str(error)) == (Exit.BUG, True)


@pytest.mark.usefixtures("versions")
def test_what_cannot_be_exported_is_said_before_anything_is_trained(
    work: Work, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(exporting, "train_final", lambda *_: pytest.fail("it was trained"))
    assert refusal(work, "0" * 16).exit is Exit.USAGE
    work.client.create_registered_model("theirs")
    error = refusal(work, name="theirs")
    assert (error.exit, "was not made by this sweep" in str(error)) == (Exit.CONFLICT, True)
    empty = dataclasses.replace(work.places, tracking_uri=f"sqlite:///{tmp_path}/other.db")
    error = refusal(work, where=empty)
    assert (error.exit, "synaug sync" in str(error)) == (Exit.SERVICE, True)
    away = dataclasses.replace(work.places, tracking_uri="http://127.0.0.1:9")
    assert refusal(work, where=away).exit is Exit.SERVICE
    other = {**work.exported.choice.config, "encoder": "other"}
    choice = dataclasses.replace(work.exported.choice, config=other)
    monkeypatch.setattr(exporting, "choose", lambda *_: choice)
    error = refusal(work)
    assert (error.exit, "not applicable: the cell has the encoder 'other'" in str(error)) == (
        Exit.DATA,
        True,
    )


def test_a_second_export_is_the_champion_and_the_encoder_can_stay_outside(work: Work, tmp_path: Path) -> None:
    cells = state(work.sweep.lines()).cells
    key = next(k for k, line in cells.items() if line["config"]["arm"] == "logit_adjust")
    done = export(work.places, key, QUIET, pack=False)
    assert (done.choice.among, done.packed, done.registered.version) == (1, False, "2")
    folder = files_of(work)
    assert not (folder / "artifacts" / "encoder").exists()
    loaded = work.sweep.classifier(tmp_path / "model")
    np.testing.assert_array_equal(loaded.scorer.offset, done.final.scorer.offset)
    assert np.abs(loaded.scorer.offset).min() > 0
    with (folder / "artifacts" / "classifier" / "config.json").open("a") as file:
        file.write(" ")
    with pytest.raises(
        SynaugError, match=r"is not what was exported: artifacts/classifier/config\.json"
    ) as no:
        work.sweep.classifier(tmp_path / "again")
    assert no.value.exit is Exit.INTEGRITY


def test_without_an_export_there_is_no_classifier(tmp_path: Path) -> None:
    with Ledger(tmp_path / "none", "none") as ledger:
        ledger.append("mlflow", {"trial_key": "parent", "run_id": "r"})
    with pytest.raises(SynaugError, match=r"no model of .* was exported") as refused:
        Sweep(tmp_path / "none").classifier(tmp_path / "model")
    assert refused.value.exit is Exit.USAGE
