"""The MLP against scikit-learn's with its defaults: the same rows, the same folds, real corpora."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

from synaug.cache import EmbeddingCache
from synaug.classifiers.options import MlpOptions
from synaug.corpus import Part, load
from synaug.embedding import embed
from synaug.encoders import EncoderOptions, open_encoder
from synaug.evaluate import Replicate, evaluate, make_pools
from synaug.imbalance import Draw
from synaug.methods import METHODS
from synaug.methods.base import Pool, requested
from synaug.neighbors import NeighborGraph, depth_for
from synaug.randomness import Streams

FOLDS = 10
# AG News at 20:1 is made; the others are as they come, thinned alike in all classes to save time.
SIZES = {
    "ag_news": {"Business": 800, "Sci/Tech": 800, "Sports": 800, "World": 40},
    "sms_spam": {"ham": 1756, "spam": 244},
    "trec_fine": {
        "abbreviation": 40,
        "description": 535,
        "entity": 579,
        "human": 565,
        "location": 383,
        "number": 398,
    },
}


def coarse(path: Path, sizes: dict[str, int]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Take random training texts, so many of each class; the class is the part before a colon."""
    corpus, generator = load(path), np.random.default_rng(0)
    names = np.array([name.split(":")[0] for name in corpus.classes])[corpus.labels]
    train = corpus.rows(Part.TRAIN)
    blocks = [generator.choice(train[names[train] == name], n, replace=False) for name, n in sizes.items()]
    rows = np.sort(np.concatenate(blocks))
    return [corpus.texts[row] for row in rows], np.searchsorted(sorted(sizes), names[rows])


@pytest.fixture(scope="module", params=SIZES)
def data(request: pytest.FixtureRequest, shared_data: Callable[[str], Path]) -> Replicate:
    sizes = SIZES[request.param]
    texts, y = coarse(shared_data(request.param), sizes)
    X = embed(texts, open_encoder(EncoderOptions(dtype="float32")), EmbeddingCache())
    rows, folds = np.arange(len(y)), np.empty(len(y), dtype=np.int64)
    for fold, (_, held) in enumerate(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y)):
        folds[held] = fold
    graph = NeighborGraph.build(X, rows, y, "euclidean", depth_for(5, FOLDS))
    draw = Draw(0, rows, folds, rows[:0])
    return Replicate(X, y, tuple(sorted(sizes)), draw, {"euclidean": graph}, Streams(0, "9a" * 32))


def scikit_learn(data: Replicate, pools: Sequence[Pool], fold: int) -> float:
    """Balanced accuracy of scikit-learn's network on a fold, trained on the rows themselves."""
    part = data.training_part(fold)
    X, y = part.X[part.rows], part.y
    if pools:
        taken = pools[fold].prefix(requested(part.counts, 100.0))
        X = np.concatenate([X, pools[fold].materialise(part)[taken]])
        y = np.concatenate([y, pools[fold].labels[taken]])
    held = np.flatnonzero(data.draw.folds == fold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network = MLPClassifier((128,), random_state=fold).fit(X, y)
    return float(balanced_accuracy_score(data.y[held], network.predict(data.X[held])))


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["none", "smote"])
def test_balanced_accuracy_equals_that_of_scikit_learn(arm: str, data: Replicate) -> None:
    method = METHODS[arm]()
    pools = make_pools(method, data)
    outcome = evaluate(method, data, MlpOptions(ladder=(128,)), pools=pools)
    ours = np.array([fold["cv_balanced_accuracy"] for fold in outcome.folds])
    theirs = np.array([scikit_learn(data, pools, fold) for fold in range(FOLDS)])
    difference = ours - theirs
    allowed = max(0.005, 2 * difference.std(ddof=1) / np.sqrt(FOLDS))
    assert abs(difference.mean()) <= allowed
    assert theirs.mean() > 0.7  # both have learnt
