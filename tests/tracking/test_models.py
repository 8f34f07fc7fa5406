"""Models in a registry: saved without pickle, served by a fresh process, never mixed with other people's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tracking import Retry, TrackingRefused, open_client
from tracking.dumping import registered_on, remove_experiment, run_records
from tracking.models import CodeModel, fetch, file_digests, register, require_own, require_run, save_model
from tracking.runs import write_cell, write_parent
from tracking.schema import ParentRun
from tracking.service import ensure_experiment

SCRIPT = """
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Shout(PythonModel):
    def load_context(self, context):
        with open(context.artifacts["words"]) as file:
            self.end = file.read()

    def predict(self, context, model_input: pd.DataFrame, params=None) -> pd.DataFrame:
        from shouting import loud

        return pd.DataFrame({"label": [loud(text) + self.end for text in model_input["text"]]})


set_model(Shout())
"""


@pytest.fixture
def model(tmp_path: Path) -> CodeModel:
    """A model from code, of a script, a package and a file."""
    (tmp_path / "shout.py").write_text(SCRIPT)
    package = tmp_path / "shouting"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("def loud(text):\n    return text.upper()\n")
    (package / "__pycache__" / "left.nbi").write_bytes(b"\x80\x04.")
    (tmp_path / "words.txt").write_text("!")
    return CodeModel(
        tmp_path / "shout.py",
        (package,),
        {"words": tmp_path / "words.txt"},
        (f"pandas=={version('pandas')}",),
        {"text": "string"},
        {"label": "string"},
        ({"text": "hello"},),
    )


@pytest.fixture
def saved(model: CodeModel, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    return tmp_path / "saved", save_model(model, tmp_path / "saved")


def write_sweep(uri: str, root: str | None, sweep: str, make_cell: Callable[..., Any], retry: Retry) -> str:
    """Write the parent and one cell; return the experiment's id."""
    client = open_client(uri)
    experiment = ensure_experiment(client, sweep, root, retry)
    parent = write_parent(client, experiment, ParentRun(sweep), retry=retry)
    write_cell(client, experiment, parent, make_cell("0f3a"), retry=retry)
    return experiment


def test_a_model_is_code_and_plain_files(saved: tuple[Path, dict[str, str]]) -> None:
    folder, files = saved
    assert files == file_digests(folder)
    expected = {"MLmodel", "shout.py", "code/shouting/__init__.py", "artifacts/words.txt", "requirements.txt"}
    assert set(files) >= expected
    assert not [path for path in files if path.endswith((".pkl", ".pyc", ".nbi"))]
    heads = {path: (folder / path).read_bytes()[:2] for path in files}
    assert not [path for path, head in heads.items() if head[:1] == b"\x80" or head == b"PK"]
    assert f"pandas=={version('pandas')}" in (folder / "requirements.txt").read_text().splitlines()
    about = (folder / "MLmodel").read_text()
    assert "loader_module: mlflow.pyfunc.loaders.code_model" in about
    assert "python_model" not in about  # the place of a pickle


def test_a_pickle_among_the_files_is_refused(model: CodeModel, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "trick.pkl").write_bytes(b"\x80\x04.")
    artifacts = {**model.artifacts, "more": tmp_path / "more"}
    bad = CodeModel(**{**vars(model), "artifacts": artifacts})
    with pytest.raises(TrackingRefused, match=r"can run code: \['artifacts/more/trick\.pkl'\]"):
        save_model(bad, tmp_path / "saved")


def test_a_server_gives_the_champion_to_a_fresh_process(
    server: int, saved: tuple[Path, dict[str, str]], sweep: str, make_cell: Any, quick: Retry, tmp_path: Path
) -> None:
    uri, (folder, files) = f"http://127.0.0.1:{server}", saved
    write_sweep(uri, None, sweep, make_cell, quick)
    tags = {"sweep": sweep, "trial_key": "0f3a"}
    first = register(uri, sweep, "0f3a", sweep, folder, tags, "one", quick)
    second = register(uri, sweep, "0f3a", sweep, folder, tags, "two", quick)
    assert (first.version, second.version, second.uri) == ("1", "2", f"models:/{sweep}@champion")
    client = open_client(uri)
    there = client.get_model_version_by_alias(sweep, "champion")
    assert (str(there.version), there.run_id, there.description) == ("2", second.run_id, "two")
    assert there.tags.items() >= tags.items()
    assert client.get_run(second.run_id).data.tags["trial_key"] == "0f3a"
    (tmp_path / "texts.csv").write_text("text\nhello\nbye\n")
    command = [sys.executable, "-m", "mlflow", "models", "predict", "-m", second.uri, "-t", "csv"]
    ended = subprocess.run(
        [*command, "-i", "texts.csv", "--env-manager", "local"],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": uri},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {"predictions": [{"label": "HELLO!"}, {"label": "BYE!"}]}
    assert file_digests(fetch(uri, sweep, "2", tmp_path / "fetched", files, quick)) == files


@pytest.fixture
def there(sqlite_store: tuple[str, Path], sweep: str, make_cell: Any, quick: Retry) -> tuple[str, str]:
    """Address of a store that has the sweep, and the id of its experiment."""
    uri, root = sqlite_store
    return uri, write_sweep(uri, str(root), sweep, make_cell, quick)


def test_only_what_was_exported_is_fetched(
    there: tuple[str, str], saved: tuple[Path, dict[str, str]], sweep: str, quick: Retry, tmp_path: Path
) -> None:
    (uri, _), (folder, files) = there, saved
    done = register(uri, sweep, "0f3a", sweep, folder, {}, "", quick)
    (tmp_path / "good").mkdir()
    assert file_digests(fetch(uri, sweep, done.version, tmp_path / "good", files, quick)) == files
    source = open_client(uri).get_model_version_download_uri(sweep, done.version)
    with Path(source.removeprefix("file://"), "shout.py").open("a") as file:
        file.write("import os\n")
    (tmp_path / "bad").mkdir()
    with pytest.raises(TrackingRefused, match=r"is not what was exported: shout\.py"):
        fetch(uri, sweep, done.version, tmp_path / "bad", files, quick)


def test_somebody_elses_model_is_left_alone(
    there: tuple[str, str], saved: tuple[Path, dict[str, str]], sweep: str, quick: Retry
) -> None:
    uri, _ = there
    client = open_client(uri)
    client.create_registered_model(f"their-{sweep}")
    with pytest.raises(TrackingRefused, match="was not made by this sweep"):
        register(uri, sweep, "0f3a", f"their-{sweep}", saved[0], {}, "", quick)
    assert client.search_model_versions(f"name = 'their-{sweep}'") == []
    require_own(uri, f"new-{sweep}", sweep, quick)  # nobody's yet


def test_a_cell_without_a_run_has_no_model(there: tuple[str, str], sweep: str, quick: Retry) -> None:
    uri, experiment = there
    assert require_run(uri, sweep, "0f3a", quick)[0] == experiment
    for name, key in ((sweep, "ffff"), (f"no-{sweep}", "0f3a")):
        with pytest.raises(TrackingRefused, match="no run of the cell"):
            require_run(uri, name, key, quick)


def test_runs_become_json_with_all_points_of_their_curves(there: tuple[str, str], quick: Retry) -> None:
    records = {record["data"]["tags"]["trial_key"]: record for record in run_records(*there, quick)}
    assert set(records) == {"parent", "0f3a"}
    child = records["0f3a"]
    assert child["data"]["params"] == {"arm": "smote", "k": "5"}
    points = [(p["key"], p["step"], p["value"]) for p in child["data"]["metrics"]]
    assert ("balanced_accuracy", 0, 0.73) in points
    assert [p for p in points if p[0] == "budget.balanced_accuracy"] == [
        ("budget.balanced_accuracy", 8, 0.6),
        ("budget.balanced_accuracy", 16, 0.65),
    ]
    assert json.loads(json.dumps(child)) == child


def test_an_experiment_is_removed_unless_a_registered_model_hangs_on_it(
    there: tuple[str, str], saved: tuple[Path, dict[str, str]], sweep: str, quick: Retry
) -> None:
    uri, experiment = there
    done = register(uri, sweep, "0f3a", sweep, saved[0], {}, "", quick)
    assert registered_on(uri, [done.run_id, "0" * 32], quick) == [sweep]
    with pytest.raises(TrackingRefused, match=f"registered models hang on these runs: {sweep}"):
        remove_experiment(uri, experiment, f"{sweep} (archived)", quick)
    client = open_client(uri)
    client.delete_model_version(sweep, done.version)
    for _ in range(2):  # again changes nothing
        remove_experiment(uri, experiment, f"{sweep} (archived)", quick)
        assert client.get_experiment(experiment).lifecycle_stage == "deleted"
        assert client.get_run(done.run_id).info.lifecycle_stage == "deleted"
    assert client.get_experiment_by_name(sweep) is None  # the name is free
