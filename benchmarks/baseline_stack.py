"""The sweep that somebody writes in an afternoon with the same packages; nothing of synaug is used.

Ray Tune with its OptunaSearch runs one trial a cell, an imbalanced-learn pipeline of a sampler and
scikit-learn's MLPClassifier is cross-validated in it, Ray's callback tells MLflow. It is written with
care for speed: the data lie in the object store once, actors are used again, a trial has one thread
and there is one trial at a time for each CPU. Run it as

    python -m benchmarks.baseline_stack DATA.npz CELLS.json OUT

with arrays X, y and folds (the fold that holds each row out), a list of {"arm": .., "ratio": ..}, and
a folder for results.json and mlflow.db.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE, RandomOverSampler
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.pipeline import Pipeline
from optuna.distributions import CategoricalDistribution
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch
from sklearn.model_selection import PredefinedSplit, cross_validate
from sklearn.neural_network import MLPClassifier

SCORES = {
    "balanced_accuracy": "balanced_accuracy",
    "macro_f1": "f1_macro",
    "auc": "roc_auc_ovr",
    "log_loss": "neg_log_loss",
}


class VaeSampler(BaseOverSampler):
    """Rows decoded from Gaussian noise, one variational autoencoder a class."""

    def __init__(
        self,
        sampling_strategy: Any = "auto",
        latent: int = 16,
        hidden: int = 256,
        steps: int = 300,
        lr: float = 3e-3,
        random_state: int = 0,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.latent, self.hidden, self.steps, self.lr = latent, hidden, steps, lr
        self.random_state = random_state

    def _fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        torch.manual_seed(self.random_state)
        rows, labels = [X], [y]
        for code, wanted in self.sampling_strategy_.items():
            if wanted:
                rows.append(self._generate(X[y == code], wanted))
                labels.append(np.full(wanted, code, dtype=y.dtype))
        return np.concatenate(rows), np.concatenate(labels)

    def _generate(self, X: np.ndarray, wanted: int) -> np.ndarray:
        center, d = X.mean(axis=0), X.shape[1]
        scale = (X - center).std() or 1.0
        data = torch.from_numpy((X - center) / scale)
        encoder = torch.nn.Sequential(
            torch.nn.Linear(d, self.hidden), torch.nn.ReLU(), torch.nn.Linear(self.hidden, 2 * self.latent)
        )
        decoder = torch.nn.Sequential(
            torch.nn.Linear(self.latent, self.hidden), torch.nn.ReLU(), torch.nn.Linear(self.hidden, d)
        )
        adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=self.lr)
        for _ in range(self.steps):
            mean, log_variance = encoder(data).chunk(2, dim=1)
            z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
            error = 0.5 * (data - decoder(z)).square().sum(dim=1)
            divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
            adam.zero_grad()
            (error + divergence).mean().backward()
            adam.step()
        with torch.no_grad():
            made = decoder(torch.randn(wanted, self.latent)).numpy()
        return (made * scale + center).astype(X.dtype)


SAMPLERS = {
    "ros": RandomOverSampler,
    "smote": SMOTE,
    "borderline_smote": BorderlineSMOTE,
    "adasyn": ADASYN,
    "vae": VaeSampler,
}


def targets(y: np.ndarray, ratio: float) -> dict[int, int]:
    """Rows of each class after over-sampling by so many per cent of what it lacks to the largest."""
    counts = Counter(y.tolist())
    most = max(counts.values())
    return {code: n + round(ratio / 100 * (most - n)) for code, n in counts.items()}


def default_classifier() -> MLPClassifier:
    """scikit-learn's network with 128 hidden units and its defaults."""
    return MLPClassifier((128,), random_state=0)


def trial(
    config: Mapping[str, Any],
    X: np.ndarray,
    y: np.ndarray,
    folds: np.ndarray,
    classifier: Callable[[], Any],
) -> None:
    """Cross-validate one cell and report its mean scores."""
    torch.set_num_threads(1)
    began = time.time()
    strategy = partial(targets, ratio=config["ratio"])
    sampler = SAMPLERS[config["arm"]](sampling_strategy=strategy, random_state=0)
    cv = PredefinedSplit(folds)
    model = Pipeline([("sampler", sampler), ("classifier", classifier())])
    found = cross_validate(model, X, y, cv=cv, scoring=SCORES, return_estimator=True, error_score="raise")
    means = {name: float(np.mean(found[f"test_{name}"])) for name in SCORES}
    epochs = float(np.mean([fitted[-1].n_iter_ for fitted in found["estimator"]]))
    tune.report({**means, "epochs": epochs, "began": began, "ended": time.time()})


def run_stack(classifier: Callable[[], Any]) -> None:
    """Run the cells that the command line names and write ``results.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("cells", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arrays, cells = np.load(arguments.data), json.loads(arguments.cells.read_text())
    out = arguments.out.absolute()
    cpus = os.cpu_count() or 1
    ray.init("local", num_cpus=cpus, include_dashboard=False, log_to_driver=False)
    axes = {name: list(dict.fromkeys(cell[name] for cell in cells)) for name in ("arm", "ratio")}
    search = OptunaSearch(
        space={name: CategoricalDistribution(values) for name, values in axes.items()},
        metric="balanced_accuracy",
        mode="max",
        points_to_evaluate=cells,
        seed=0,
    )
    bound = tune.with_parameters(
        trial, X=arrays["X"], y=arrays["y"], folds=arrays["folds"], classifier=classifier
    )
    tuner = tune.Tuner(
        tune.with_resources(bound, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            search_alg=search, num_samples=len(cells), max_concurrent_trials=cpus, reuse_actors=True
        ),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(out / "tune"),
            verbose=0,
            callbacks=[MLflowLoggerCallback(f"sqlite:///{out / 'mlflow.db'}", experiment_name="sweep")],
        ),
    )
    results = tuner.fit()
    if results.errors:
        raise results.errors[0]
    lines = [
        {**result.config, **_plain(result.metrics)}
        for result in map(results.__getitem__, range(len(results)))
    ]
    (out / "results.json").write_text(json.dumps(lines))


def _plain(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: metrics[name] for name in (*SCORES, "epochs", "began", "ended")}


if __name__ == "__main__":
    run_stack(default_classifier)
