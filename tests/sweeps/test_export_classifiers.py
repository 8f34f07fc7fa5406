"""Cells of every classifier at work: plain files that a fresh process serves from raw text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from sweeps.export import Exported, export, load_exported
from sweeps.ledger import read
from sweeps.ledger_state import state
from sweeps.places import Places, places
from synaug.deploy import TextClassifier
from synaug.scorers import Margins, Trees, Votes, Weights

pytestmark = pytest.mark.slow

TEXTS = ["wing shell leg antenna", "lid spout handle steam", "small old wing", ""]
CLASSIFIERS = {
    "{name: logistic, ladder: [1000]}": Weights,
    "{name: linear_svm, ladder: [1000]}": Margins,
    "{name: knn, ladder: [5]}": Votes,
    "{name: gradient_boosting, ladder: [16], leaf_rows: 5}": Trees,
    "{name: transformer, ladder: [40], layers: 1, learning_rate: 0.001}": Weights,
}
NAMES = [text.partition("name: ")[2].partition(",")[0] for text in CLASSIFIERS]


@pytest.fixture(scope="module")
def where(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A finished sweep of one arm, one replicate and all classifiers but the network."""
    out = tmp_path_factory.mktemp("every") / "tiny"
    fields = ("arms=[smote]", "design=defaults", f"classifiers=[{', '.join(CLASSIFIERS)}]")
    fields += ("search.trials=0", "replicates=1")
    code, text = workshop.run(
        "sweep", out, "--workers", 2, *(p for field in fields for p in ("--set", field))
    )
    assert code == 0, text
    return places(out, environment={})


@pytest.fixture(scope="module")
def exports(where: Places) -> dict[str, Exported]:
    cells = state(read(where.ledger).lines).cells
    keys = {str(line["config"]["classifier"]): key for key, line in cells.items()}
    console = Console(quiet=True)
    return {name: export(where, keys[name], console, f"tiny-{name}") for name in NAMES}


def loaded_from(where: Places, done: Exported, folder: Path) -> TextClassifier:
    """The model as the registry has it."""
    lines = [line for line in read(where.ledger).lines if line.get("trial_key") == done.choice.key]
    return load_exported(lines, where, folder)


def test_the_model_says_what_the_trained_one_says(
    exports: dict[str, Exported], where: Places, tmp_path: Path
) -> None:
    for (name, done), kind in zip(exports.items(), CLASSIFIERS.values(), strict=True):
        assert done.apart < 1e-3
        assert sum(done.final.synthetic.values()) > 0
        loaded = loaded_from(where, done, tmp_path / name)
        assert type(loaded.scorer) is kind
        probability = loaded.probabilities(TEXTS)
        np.testing.assert_allclose(probability.sum(1), 1)
        assert probability[0, 0] > probability[1, 0]  # a beetle is one rather than a teapot is
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert not [p for p in files if p.suffix in (".pkl", ".joblib", ".skops", ".bin", ".pt")]


def test_the_fine_tuned_encoder_is_the_model_s_own(
    exports: dict[str, Exported], where: Places, workshop: Any, tmp_path: Path
) -> None:
    tuned, plain = (loaded_from(where, exports[n], tmp_path / n).encoder for n in ("transformer", "logistic"))
    assert tuned.digest != plain.digest
    assert np.abs(tuned.encode(TEXTS) - plain.encode(TEXTS)).max() > 1e-3
    config = json.loads((tmp_path / "transformer/artifacts/classifier/config.json").read_text())
    assert config["about"]["fine_tuned"] is True
    assert config["encoder"]["name"] == "encoder, fine-tuned"
    names = {path.name for path in (tmp_path / "transformer/artifacts/encoder").iterdir()}
    assert {"config.json", "model.safetensors", "vocab.txt"} <= names


@pytest.mark.parametrize("name", ["gradient_boosting", "transformer"])
def test_a_fresh_process_serves_it(
    name: str, exports: dict[str, Exported], where: Places, tmp_path: Path
) -> None:
    done = exports[name]
    (tmp_path / "texts.json").write_text(json.dumps({"dataframe_records": [{"text": t} for t in TEXTS]}))
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", done.registered.uri]
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SYNAUG_CACHE")}
    ended = subprocess.run(
        [*command, "-i", "texts.json", "-t", "json", "--env-manager", "local"],
        cwd=tmp_path,
        env=environment | {"MLFLOW_TRACKING_URI": where.tracking_uri, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rows = json.loads(ended.stdout)["predictions"]
    loaded = loaded_from(where, done, tmp_path / "model")
    found = [[row[f"probability_{label}"] for label in loaded.classes] for row in rows]
    np.testing.assert_allclose(found, loaded.probabilities(TEXTS), atol=1e-5)
    assert [row["label"] for row in rows] == loaded.predict(TEXTS)
