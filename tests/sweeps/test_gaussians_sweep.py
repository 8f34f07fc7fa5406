"""A12 through a real sweep: two Gaussians give the known sentences, and a planted opposite its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import norm

from sweeps.answers import Answer, Answers, forbidden_words, unsourced_numbers
from sweeps.api import Sweep, load_sweep

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a fixture waits for a sweep

LARGE, RARE = 1000, 100  # rows of a draw
# Rows that stand for others make the weights of 100 rows noisier by some tenths of a point, which a larger
# draw hides: more than nothing perhaps, but within the margin.
WITHIN = ("equivalent", "worse_negligible")
RATIOS = (25, 50, 75, 100, 150, 200)


def accuracy(ratio: float) -> float:
    """Balanced accuracy in per cent of the linear rule at 10:1 and ``ratio`` % of the deficit (A12)."""
    times = LARGE / RARE
    rho = times / (1 + (times - 1) * ratio / 100)
    return float(50 * (norm.cdf(1 + math.log(rho) / 2) + norm.cdf(1 - math.log(rho) / 2)))


def swept(workshop: Any, folder: Path, name: str, X: Any, labels: list[str], fields: dict[str, Any]) -> Sweep:
    """Write vectors to a parquet file and run a sweep on them."""
    data, spec = folder / f"{name}.parquet", folder / "spec.yaml"
    pd.DataFrame({"vector": list(X.astype(np.float32)), "label": labels}).to_parquet(data)
    common = {
        "data": {"source": str(data), "vector_col": "vector"},
        "encoder": {"model": "vectors"},
        "folds": 3,
        "controls": 0,
        "diagnostics": False,
        "precision": "float32",
    }
    spec.write_text(yaml.safe_dump(common | fields))
    out = folder / "runs" / name
    code, text = type(workshop)(folder).run("sweep", out, "--workers", 2)
    assert code == 0, text
    return load_sweep(out)


def only(answers: Answers, **wanted: Any) -> Answer:
    (answer,) = [a for a in answers.answers if wanted.items() <= {**a.detail, **vars(a)}.items()]
    assert unsourced_numbers(answer) == (), answer.sentence
    assert forbidden_words(answer) == (), answer.sentence
    return answer


@pytest.fixture(scope="module")
def gaussians(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """N(0, I) and N(2 e1, I) in three dimensions, ten to one, and a linear classifier."""
    random = np.random.default_rng(12)
    X = random.normal(size=(18_000, 3))
    X[12_000:, 0] += 2
    drawn = {"kind": "minority", "minority": ["rare"], "n_majority": LARGE, "n_minority": RARE}
    fields = {
        "imbalance": drawn | {"dev_per_class": 1000},
        "replicates": 8,
        "classifier": {"name": "logistic", "ladder": [1000]},
        "arms": ["none", "logit_adjust", "class_weight", "ros", "smote"],
        "space": {"ratio": list(RATIOS), "k": [5], "metric": ["euclidean"]},
    }
    labels = ["large"] * 12_000 + ["rare"] * 6_000
    return swept(workshop, tmp_path_factory.mktemp("gaussians"), "gaussians", X, labels, fields)


def test_accuracy_follows_the_closed_form(gaussians: Sweep) -> None:
    frame = gaussians.records()
    assert set(frame["scored_on"]) == {"dev"}
    for (arm, ratio), rows in frame.groupby(["arm", "ratio"], dropna=False):
        scores = 100 * rows["score"].to_numpy(dtype=np.float64)
        assert len(scores) == 8
        expected = accuracy(0 if arm == "none" else 100 if pd.isna(ratio) else ratio)
        # 99.9 % interval over replicates, of 12 cells, and what a finite sample costs
        wide = 5.4 * scores.std(ddof=1) / math.sqrt(8) + 0.3
        assert scores.mean() == pytest.approx(expected, abs=wide), (arm, ratio)


@pytest.mark.parametrize("arm", ["ros", "smote"])
def test_balance_is_the_right_ratio_and_the_fall_beyond_is_prior_over_shift(
    gaussians: Sweep, arm: str
) -> None:
    answers = gaussians.ask("ratio")
    curve = only(answers, kind="curve", arm=arm, budget="own_best")
    assert 100.0 in curve.detail["best_set"]
    assert not {0.0, 25.0, 200.0} & set(curve.detail["best_set"])
    assert "Not distinguishable from the best level" in curve.sentence
    beyond = only(answers, kind="beyond_balance", arm=arm)
    assert beyond.detail["reading"] == "over_shift"
    assert "consistent with prior over-shift" in beyond.sentence
    assert "overfits" not in beyond.sentence


def test_synthetic_rows_are_equivalent_to_copies_and_to_a_moved_threshold(gaussians: Sweep) -> None:
    answers = gaussians.ask("method")
    pair = {"kind": "pair", "budget": "own_best", "estimand": "default", "second": "smote"}
    for first in ("ros", "class_weight"):
        answer = only(answers, **pair, first=first)
        assert answer.verdict == "equivalent", answer.sentence
        assert f"smote and {first} are equivalent at the 0.50 point margin" in answer.sentence
    moved = only(answers, **pair, first="logit_adjust")
    assert moved.verdict in WITHIN, moved.sentence
    assert "0.50 point" in moved.sentence
    gain = only(answers, kind="decomposition", arm="smote", budget="own_best")
    assert gain.detail["prior_shift"]["estimate"] == pytest.approx(accuracy(100) - accuracy(0), abs=1.5)
    assert gain.verdict in WITHIN


@pytest.fixture(scope="module")
def islands(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """The rare class is two islands on either side of the large one, so that rows between them are wrong."""
    random = np.random.default_rng(13)
    rare = random.normal(size=(1_500, 2)) / 3 + np.where(random.random((1_500, 1)) < 0.5, -4, 4) * [1, 0]
    X = np.concatenate([random.normal(size=(5_000, 2)), rare])
    drawn = {"kind": "minority", "minority": ["rare"], "n_majority": 300, "n_minority": 30}
    fields = {
        "imbalance": drawn | {"dev_per_class": 300},
        "replicates": 6,
        "classifier": {"name": "knn", "ladder": [5]},
        "arms": ["none", "logit_adjust", "ros", "smote"],
        "space": {"ratio": [25, 50, 100, 200], "k": [19], "metric": ["euclidean"]},
    }
    labels = ["large"] * 5_000 + ["rare"] * 1_500
    return swept(workshop, tmp_path_factory.mktemp("islands"), "islands", X, labels, fields)


def test_where_geometry_matters_the_sentences_are_the_opposite(islands: Sweep) -> None:
    answers = islands.ask("method")
    pair = only(answers, kind="pair", first="ros", second="smote", budget="own_best", estimand="default")
    assert pair.verdict == "worse"
    assert "smote loses -" in pair.sentence
    curve = only(islands.ask("ratio"), kind="curve", arm="smote", budget="own_best")
    assert 200.0 not in curve.detail["best_set"]
    assert 100.0 not in curve.detail["best_set"]
    beyond = only(islands.ask("ratio"), kind="beyond_balance", arm="smote")
    assert beyond.detail["reading"] != "over_shift"
