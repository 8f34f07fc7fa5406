"""Fine-tuning against the model written out: gradients, frozen layers, batches, other transformers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from synaug.classifiers import backbone
from synaug.classifiers.backbone import FixedRows, TrainedEncoder
from synaug.classifiers.finetuning import FoldModel, head_of, train_ladder
from synaug.classifiers.options import FoldRows, LadderLogits, MlpOptions
from synaug.classifiers.transformer import Transformer
from synaug.encoders import Encoder, EncoderOptions, open_encoder
from synaug.errors import Exit, SynaugError
from synaug.tokens import Tokens

N, M, C, FOLDS_N = 36, 7, 3, 3
WORDS = ["good", "bad", "film", "a", "very"]
RNG = np.random.default_rng(4)
TEXTS = [" ".join(RNG.choice(WORDS, RNG.integers(1, 9))) for _ in range(N + M)]
Y = np.arange(N) % C
FOLDS = np.arange(N) // C % FOLDS_N
KINDS = ("none", "weighted", "copies", "mixed", "dense", "taken", "focal")


@pytest.fixture(scope="module", params=["mean", "cls"])
def encoder(tiny: Path, request: pytest.FixtureRequest) -> Encoder:
    mean = request.param == "mean"
    return open_encoder(EncoderOptions(str(tiny), request.param, 16, normalize=mean, dtype="float32"))


@pytest.fixture(scope="module")
def tokens(encoder: Encoder) -> Tokens:
    return Tokens.of(encoder, TEXTS)


def fold_rows(kind: str, fold: int = 0) -> FoldRows:
    """What a fold trains on; a third of the rows is held out."""
    rng, train = np.random.default_rng(fold), np.flatnonzero(fold != FOLDS)
    weight = np.zeros(N, dtype=np.float32)
    weight[train] = rng.uniform(0.5, 2, len(train)) if kind == "weighted" else 1
    s = 0 if kind in ("none", "weighted") else 15
    parents = rng.choice(train, (s, 2))
    if kind == "copies":
        parents[:, 1] = parents[:, 0]
    if kind == "taken":  # no copies: the network counts the parent of one among its rows
        weight[train[::4]] = 0
        parents[:, 1] = np.where(parents[:, 0] == parents[:, 1], train[1], parents[:, 1])
    share = rng.uniform(size=s).astype(np.float32)
    made = rng.normal(size=(s, 16)).astype(np.float32) if kind == "dense" else None
    of_made = rng.uniform(0.5, 2, s).astype(np.float32)
    return FoldRows(weight, Y[parents[:, 0]], of_made, parents, share, made, 2.0 * (kind == "focal"))


def full(**settings: Any) -> Transformer:
    """All rows at every step, and nothing beside the gradient."""
    given = {"batch_size": 10**6, "warmup": 0, "weight_decay": 0.0, "hidden": 5, "layers": 9, **settings}
    return Transformer(**given)


def model_of(given: Tokens, kind: str, options: Transformer) -> FoldModel:
    trained = TrainedEncoder(given, options.layers, "float32", "cpu")
    return FoldModel(trained, Y, fold_rows(kind), 16, C, options, np.random.default_rng(1), "cpu")


def gradients(given: Tokens, kind: str, options: Transformer) -> list[npt.NDArray[np.float32]]:
    """Of one step over all rows, of the encoder's parameters and then of the head's."""
    model = model_of(given, kind, options)
    model.backward(next(model._batches()))
    every = [*model.backbone.parameters(), *model.head.parameters()]
    return [p.grad.numpy() for p in every if p.grad is not None]


def written_out(encoder: Encoder, kind: str, options: Transformer) -> list[npt.NDArray[np.float32]]:
    """The same by autograd, all rows through the whole encoder, mixtures by a matrix."""
    model, fold = encoder.load("float32"), fold_rows(kind)
    given = encoder._tokenizer(TEXTS[:N], padding=True, return_tensors="pt", truncation=True, max_length=16)
    hidden = model(given["input_ids"], given["attention_mask"]).last_hidden_state
    pooled = encoder.pool(hidden, given["attention_mask"])
    head = head_of(np.random.default_rng(1), 16, C, options.hidden)
    real, s = np.flatnonzero(fold.weight), len(fold.labels)
    if fold.rows is None:
        S = np.zeros((s, N), np.float32)
        np.add.at(S, (np.arange(s), fold.parents[:, 0]), 1 - fold.share)
        np.add.at(S, (np.arange(s), fold.parents[:, 1]), fold.share)
        made = torch.from_numpy(S) @ pooled
    else:
        made = torch.from_numpy(fold.rows)
    logits = head(torch.cat([pooled[torch.from_numpy(real)], made]))
    labels = torch.from_numpy(np.concatenate([Y[real], fold.labels]))
    weights = torch.from_numpy(np.concatenate([fold.weight[real], fold.label_weight]))
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    if fold.gamma:
        losses = losses * (1 - torch.exp(-losses)) ** fold.gamma
    ((weights * losses).sum() / weights.sum()).backward()  # type: ignore[no-untyped-call]
    every = [*model.parameters(), *head.parameters()]
    return [p.grad.numpy() for p in every if p.grad is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_that_of_the_model_written_out(encoder: Encoder, tokens: Tokens, kind: str) -> None:
    found, expected = gradients(tokens, kind, full()), written_out(encoder, kind, full())
    assert len(found) == len(expected) > 30
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert max(np.abs(grad).max() for grad in expected[:-4]) > 1e-4  # the encoder has one, too


@pytest.mark.parametrize("kind", ["mixed", "dense"])
@pytest.mark.parametrize("layers", [1, 2])
def test_batches_that_do_not_fit_give_the_same_gradient(
    tokens: Tokens, kind: str, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = gradients(tokens, kind, full(layers=layers))
    monkeypatch.setattr(backbone, "TOKENS_AT_ONCE", 40)
    pieces = gradients(tokens, kind, full(layers=layers))
    for one, other in zip(together, pieces, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def trained(given: Tokens, options: Transformer, kind: str = "mixed") -> LadderLogits:
    made = TrainedEncoder(given, options.layers, options.precision, "cpu")
    rows = [fold_rows(kind, fold) for fold in range(FOLDS_N)]
    generators = [np.random.default_rng(fold) for fold in range(FOLDS_N)]
    return train_ladder(made, Y, FOLDS, rows, N + M, 16, C, options, generators, "cpu")


SHORT = Transformer(ladder=(1, 2, 5), layers=1, batch_size=8, hidden=5)


@pytest.mark.parametrize("texts", [0, 20], ids=["nothing", "some texts"])
def test_what_the_frozen_layers_say_may_be_kept_or_not(
    tokens: Tokens, texts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = trained(tokens, SHORT)
    size = 4 * 16 * int(tokens.ends[texts - 1]) if texts else 0
    monkeypatch.setattr(backbone, "CACHED_BYTES", size)
    again = trained(tokens, SHORT)
    np.testing.assert_allclose(again.scored, kept.scored, atol=1e-4)
    np.testing.assert_allclose(again.held, kept.held, atol=1e-4)


def test_before_the_first_step_the_rows_are_the_embeddings_of_the_sweep(
    encoder: Encoder, tokens: Tokens
) -> None:
    for layers in (1, 9):
        made = TrainedEncoder(tokens, layers, "float32", "cpu")
        rows = np.array([3, 40, 5])
        with torch.no_grad():
            np.testing.assert_allclose(made.embed(rows), encoder.encode(TEXTS)[rows], atol=1e-6)


def test_every_fold_starts_from_the_same_weights_and_only_the_last_layers_move(tokens: Tokens) -> None:
    model = model_of(tokens, "mixed", dataclasses.replace(SHORT, learning_rate=0.01))
    made = model.backbone
    assert isinstance(made, TrainedEncoder)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    list(model.run((2,)))
    moved = {n for n, value in made.model.state_dict().items() if not torch.equal(value, before[n])}
    assert moved
    assert all(name.startswith("encoder.layer.1.") for name in moved)
    made.reset()
    assert all(torch.equal(value, before[n]) for n, value in made.model.state_dict().items())


def test_the_same_generators_give_the_same_numbers(tokens: Tokens) -> None:
    one, other = trained(tokens, SHORT), trained(tokens, SHORT)
    np.testing.assert_array_equal(one.held, other.held)
    np.testing.assert_array_equal(one.scored, other.scored)
    assert np.abs(one.scored[0] - one.scored[-1]).max() > 1e-3


def test_bfloat16_is_close(tokens: Tokens) -> None:
    exact, rounded = (
        trained(tokens, dataclasses.replace(SHORT, precision=p)) for p in ("float32", "bfloat16")
    )
    assert 0 < np.abs(exact.scored - rounded.scored).max() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_on_frozen_layers_is_the_network(kind: str) -> None:
    X = np.random.default_rng(2).normal(size=(N + M, 16)).astype(np.float32)
    rows = [fold_rows(kind, fold) for fold in range(FOLDS_N)]
    options = full(layers=0, hidden=8, ladder=(1, 4, 16))

    def generators() -> list[np.random.Generator]:
        return [np.random.default_rng(fold) for fold in range(FOLDS_N)]

    found = train_ladder(FixedRows(X, "cpu"), Y, FOLDS, rows, N + M, 16, C, options, generators(), "cpu")
    network = MlpOptions(hidden=8, ladder=(1, 4, 16))
    expected = network.train(X[:N], Y, FOLDS, rows, X[N:], C, generators())
    np.testing.assert_allclose(found.held, expected.held, atol=2e-4)
    np.testing.assert_allclose(found.scored, expected.scored, atol=2e-4)
    np.testing.assert_allclose(found.train_recall, expected.train_recall)


def test_an_encoder_is_tried_before_a_sweep(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    SHORT.check_encoder(encoder, TEXTS[:8])

    def pass_on(tap: Any, _: object, given: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        tap.seen = given[0]
        return given, settings

    monkeypatch.setattr(backbone._Tap, "__call__", pass_on)  # puts nothing in its place
    with pytest.raises(SynaugError, match=r"give embeddings that are .* off") as refused:
        SHORT.check_encoder(encoder, TEXTS[:8])
    assert refused.value.exit is Exit.SPEC


OTHERS: dict[str, dict[str, Any]] = {
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 24},
    "roberta": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "mpnet": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "modernbert": {
        "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 32,
        "global_attn_every_n_layers": 2, "local_attention": 4, "pad_token_id": 0,
    },
}  # fmt: skip


def saved(folder: Path, tiny: Path, kind: str, **sizes: Any) -> Encoder:
    """A random model of another kind that knows the same words."""
    from transformers import AutoConfig, AutoModel, BertTokenizer

    with torch.random.fork_rng():
        torch.manual_seed(0)
        AutoModel.from_config(AutoConfig.for_model(kind, vocab_size=40, **sizes)).save_pretrained(folder)
    BertTokenizer(vocab=str(tiny / "vocab.txt")).save_pretrained(folder)
    return open_encoder(EncoderOptions(str(folder), max_length=16, dtype="float32"))


@pytest.mark.parametrize("kind", OTHERS)
def test_other_transformers_go_on_from_what_is_kept(kind: str, tiny: Path, tmp_path: Path) -> None:
    encoder = saved(tmp_path / kind, tiny, kind, **OTHERS[kind])
    made = TrainedEncoder(Tokens.of(encoder, TEXTS), 1, "float32", "cpu")
    with torch.no_grad():
        found = made.embed(np.arange(N + M))
    np.testing.assert_allclose(found, encoder.encode(TEXTS), atol=1e-5)


def test_a_model_without_a_list_of_its_layers_is_refused(tiny: Path, tmp_path: Path) -> None:
    sizes = {"hidden_size": 16, "embedding_size": 8, "num_attention_heads": 2, "intermediate_size": 32}
    encoder = saved(tmp_path / "albert", tiny, "albert", num_hidden_layers=3, **sizes)
    with pytest.raises(SynaugError, match="a list of 3 layers, got albert") as refused:
        TrainedEncoder(Tokens.of(encoder, TEXTS), 1, "float32", "cpu")
    assert refused.value.exit is Exit.SPEC


def test_another_encoder_than_that_of_the_tokens_is_refused(tokens: Tokens) -> None:
    with pytest.raises(SynaugError, match="expected the encoder with digest 0000") as refused:
        dataclasses.replace(tokens, digest="0" * 64).open()
    assert refused.value.exit is Exit.SERVICE


def test_tokens_of_some_texts(encoder: Encoder, tokens: Tokens) -> None:
    part = tokens.take(np.array([4, 0, 4]))
    ids = encoder.token_ids([TEXTS[4], TEXTS[0], TEXTS[4]])
    assert [part.ids[e - n : e].tolist() for e, n in zip(part.ends, part.lengths, strict=True)] == ids
    padded, mask = tokens.padded(np.array([4, 0]), 7)
    assert mask.sum(1).tolist() == [len(ids[0]), len(ids[1])]
    assert set(padded[mask == 0].tolist()) <= {7}
    assert len(tokens.take(np.empty(0, np.int64))) == 0
