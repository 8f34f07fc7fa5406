"""Models at work: saved from code without pickle, registered, and fetched only if they are ours."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.errors import TrackingRefused
from tracking.runs import find_experiment, find_run
from tracking.service import PATIENT, Retry, call, open_client, prepare_environment, translated

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
OWNER = "sweep"  # the tag of a registered model that says whose it is
MODEL = "model"  # name of a logged model
META = "registered_model_meta"  # MLflow writes it beside the files when a version is fetched
PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".skops", ".pyc", ".nbi", ".nbc")


@dataclass(frozen=True)
class CodeModel:
    """What a model is made of.

    Attributes:
        script: the file that MLflow runs to load it; calls ``mlflow.models.set_model``.
        code: folders of packages that the script imports, without compiled files.
        artifacts: files and folders by the name under which the script finds them.
        requirements: ``name==version`` of each package that it needs.
        inputs: columns of its input with their types, "string" or "double".
        outputs: columns of its output with their types.
        example: rows of an input.
    """

    script: Path
    code: tuple[Path, ...]
    artifacts: Mapping[str, Path]
    requirements: tuple[str, ...]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    example: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        name: of the registered model.
        version: its number.
        model_id: of the logged model behind it.
        run_id: of the cell's run that it hangs on.
        alias: that points to it now.
    """

    name: str
    version: str
    model_id: str
    run_id: str
    alias: str = CHAMPION

    @property
    def uri(self) -> str:
        """Where MLflow finds it."""
        return f"models:/{self.name}@{self.alias}"


def save_model(model: CodeModel, folder: Path) -> dict[str, str]:
    """Write a model as MLflow stores it and return the sha256 of its files by path.

    Args:
        model: what it is made of.
        folder: where to; made here.

    Raises:
        TrackingRefused: a file in it could run code when it is read.
    """
    prepare_environment()
    import pandas as pd
    from mlflow import pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    def schema(columns: Mapping[str, str]) -> Schema:
        return Schema([ColSpec(type=kind, name=name) for name, kind in columns.items()])

    with translated(str(folder)), warnings.catch_warnings():
        # MLflow 3.17 compares columns with a range, which pandas 3 warns of.
        warnings.filterwarnings("ignore", "Operation with range is deprecated")
        pyfunc.save_model(
            path=str(folder),
            python_model=str(model.script),
            code_paths=[str(path) for path in model.code],
            artifacts={name: str(path) for name, path in model.artifacts.items()},
            signature=ModelSignature(inputs=schema(model.inputs), outputs=schema(model.outputs)),
            input_example=pd.DataFrame(list(model.example)),
            pip_requirements=list(model.requirements),
        )
    files = file_digests(folder)
    unsafe = [path for path in files if path.endswith(PICKLES)]
    if unsafe:
        raise TrackingRefused(f"the model would hold files that can run code: {unsafe}", str(folder))
    return files


def file_digests(folder: Path) -> dict[str, str]:
    """The sha256 of every file of a model by its path, but for what MLflow adds when it fetches one."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != META and "__pycache__" not in path.parts:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def fingerprint(files: Mapping[str, str]) -> str:
    """One sha256 over the paths and digests of a model's files."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def require_run(uri: str, sweep: str, trial_key: str, retry: Retry = PATIENT) -> tuple[str, str]:
    """Return the ids of a sweep's experiment and of a cell's run, which a model hangs on.

    Raises:
        TrackingRefused: the run is not there.
        TrackingUnavailable: the store does not answer or refuses.
    """
    experiment_id = find_experiment(uri, sweep, retry)
    if experiment_id is not None:
        client = open_client(uri)
        run = call(client, lambda: find_run(client, experiment_id, trial_key), retry)
        if run is not None:
            return experiment_id, str(run.info.run_id)
    raise TrackingRefused(f"it has no run of the cell {trial_key}", uri, "bring it up to date: synaug sync")


def require_own(uri: str, name: str, sweep: str, retry: Retry = PATIENT) -> None:
    """Refuse a registered model of somebody else; one that is not there yet is fine.

    Raises:
        TrackingRefused: it was not made by us for this sweep.
        TrackingUnavailable: the store does not answer or refuses.
    """
    client = open_client(uri)
    there = call(client, lambda: client.search_registered_models(f"name = '{name}'"), retry)
    if there and there[0].tags.get(OWNER) != sweep:
        fix = "register under another name: --name"
        raise TrackingRefused(f"the registered model {name!r} was not made by this sweep", uri, fix)


def register(
    uri: str,
    sweep: str,
    trial_key: str,
    name: str,
    folder: Path,
    tags: Mapping[str, str],
    description: str,
    retry: Retry = PATIENT,
) -> Registered:
    """Upload a saved model, register it as a new version and point the alias ``champion`` to it, last.

    Args:
        uri: the tracking store and registry.
        sweep: name of the sweep.
        trial_key: of the cell on whose run the model hangs.
        name: of the registered model.
        folder: from ``save_model``.
        tags: of the version.
        description: of the version, markdown.
        retry: how long to go on trying each call.

    Raises:
        TrackingRefused: there is no such run, or the name is somebody else's.
        TrackingUnavailable: the store does not answer or refuses.
    """
    experiment_id, run_id = require_run(uri, sweep, trial_key, retry)
    require_own(uri, name, sweep, retry)
    client = open_client(uri)
    logged = call(
        client,
        lambda: client.create_logged_model(experiment_id, MODEL, source_run_id=run_id, tags=dict(tags)),
        retry,
    )
    model_id = str(logged.model_id)
    call(client, lambda: client.log_model_artifacts(model_id, str(folder)), retry)
    call(client, lambda: client.finalize_logged_model(model_id, "READY"), retry)
    call(client, lambda: _create_registered(client, name, sweep), retry)
    version = call(
        client,
        lambda: _version(client, name, logged.artifact_location, run_id, model_id, tags, description),
        retry,
    )
    call(client, lambda: client.set_registered_model_alias(name, CHAMPION, version.version), retry)
    return Registered(name, str(version.version), model_id, run_id)


def _create_registered(client: MlflowClient, name: str, sweep: str) -> None:
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name, {OWNER: sweep}, f"Text classifiers of the sweep `{sweep}`.")


def _version(
    client: MlflowClient,
    name: str,
    source: str,
    run_id: str,
    model_id: str,
    tags: Mapping[str, str],
    text: str,
) -> ModelVersion:
    """Make the version; one whose answer was lost is found again by its model."""
    there = [v for v in client.search_model_versions(f"name = '{name}'") if v.source == source]
    if there:
        return there[0]
    return client.create_model_version(name, source, run_id, dict(tags), description=text, model_id=model_id)


def fetch(
    uri: str, name: str, version: str, folder: Path, files: Mapping[str, str], retry: Retry = PATIENT
) -> Path:
    """Download a version's files and return their folder; runs nothing of them.

    Args:
        uri: the registry.
        name: of the registered model.
        version: its number.
        folder: where to.
        files: sha256 by path, as we recorded them.

    Raises:
        TrackingRefused: it is not what we recorded.
        TrackingUnavailable: the store does not answer, refuses, or has no such version.
    """
    client = open_client(uri)
    source = call(client, partial(client.get_model_version_download_uri, name, version), retry)

    def download() -> Path:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        store = get_artifact_repository(source, tracking_uri=uri)
        folder.mkdir(parents=True, exist_ok=True)
        return Path(store.download_artifacts("", str(folder)))  # type: ignore[no-untyped-call]

    there = call(client, download, retry)
    found = file_digests(there)
    if found != dict(files):
        changed = sorted(path for path in {*found, *files} if found.get(path) != files.get(path))
        text = f"version {version} of {name!r} is not what was exported: {', '.join(changed[:5])}"
        raise TrackingRefused(text, uri, "export it again")
    return there
