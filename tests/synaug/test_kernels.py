"""The compiled part of a training step against torch, and where its code can be kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from synaug.classifiers import kernels, precision
from synaug.classifiers.gradients import gradients_of

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_is_that_of_torch(decay: float) -> None:
    start = RNG.normal(size=300).astype(np.float32)
    theirs = torch.from_numpy(start.copy()).requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.02, weight_decay=decay)
    ours, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, 21):
        gradient = RNG.normal(scale=0.1 * step, size=300).astype(np.float32)
        theirs.grad = torch.from_numpy(gradient.copy())
        optimiser.step()
        kernels.adam(ours, gradient, mean, square, step, 0.02, decay)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=2e-5, atol=2e-6)
    assert np.abs(ours - start).min() > 0


def test_logits_are_those_of_the_layers() -> None:
    first, bias = RNG.normal(size=(7, 5)).astype(np.float32), RNG.normal(size=5).astype(np.float32)
    head, head_bias = RNG.normal(size=(3, 5)).astype(np.float32), RNG.normal(size=3).astype(np.float32)
    found = np.empty((7, 3), dtype=np.float32)
    kernels.logits(first, bias, head, head_bias, found)
    np.testing.assert_allclose(found, np.maximum(first + bias, 0) @ head.T + head_bias, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("n_classes", "width"), [(2, 16), (3, 5), (6, 33), (7, 16), (11, 20)])
@pytest.mark.parametrize(("rows", "mixtures"), [(21, 0), (8, 19), (30, 64)])
def test_gradients_are_those_of_the_formulas(n_classes: int, width: int, rows: int, mixtures: int) -> None:
    rng = np.random.default_rng([n_classes, rows])
    shapes = (rows, width), (width,), (n_classes, width), (n_classes,)
    first, bias, head, head_bias = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    labels = rng.integers(n_classes, size=rows + mixtures)
    weights = rng.random(rows + mixtures, dtype=np.float32)
    one = rng.integers(rows, size=mixtures)
    parents = np.stack([one, (one + 1 + rng.integers(rows - 1, size=mixtures)) % rows], axis=1)
    share = rng.random(mixtures, dtype=np.float32)
    found = [np.full(shape, np.nan, dtype=np.float32) for shape in shapes]
    gradients_of(n_classes, width)(first, bias, head, head_bias, labels, weights, parents, share, *found)

    mix = np.zeros((mixtures, rows))  # of the rows that each mixture consists of
    mix[np.arange(mixtures), parents[:, 0]] = 1 - share
    mix[np.arange(mixtures), parents[:, 1]] = share
    mix = np.concatenate([np.eye(rows), mix])
    hidden = np.maximum(mix @ first + bias, 0)
    slope = np.exp(hidden @ head.T.astype(float) + head_bias)
    slope /= slope.sum(axis=1, keepdims=True)
    slope[np.arange(len(slope)), labels] -= 1
    slope *= weights[:, None]
    back = (slope @ head) * (hidden > 0)
    for got, expected in zip(
        found, (mix.T @ back, back.sum(axis=0), slope.T @ hidden, slope.sum(axis=0)), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0, 5.0])
@pytest.mark.parametrize(("n_classes", "width", "spread"), [(2, 16, 1.0), (5, 20, 1.0), (3, 16, 3.0)])
def test_focal_gradients_are_those_of_autograd(
    n_classes: int, width: int, spread: float, gamma: float
) -> None:
    """With a wide spread most rows are recognised so surely that 1 - p is 0 in single precision."""
    rng, rows, mixtures = np.random.default_rng([n_classes, width]), 30, 21
    shapes = (rows, width), (width,), (n_classes, width), (n_classes,)
    values = [(spread * rng.normal(size=shape)).astype(np.float32) for shape in shapes]
    labels = rng.integers(n_classes, size=rows + mixtures)
    weights = rng.random(rows + mixtures, dtype=np.float32)
    one = rng.integers(rows, size=mixtures)
    parents, share = np.stack([one, (one + 1) % rows], axis=1), rng.random(mixtures, dtype=np.float32)
    found = [np.full(shape, np.nan, dtype=np.float32) for shape in shapes]
    gradients_of(n_classes, width, focal=True)(*values, labels, weights, parents, share, *found, gamma)

    tensors = [torch.from_numpy(value).double().requires_grad_() for value in values]
    first, bias, head, head_bias = tensors
    mix = torch.lerp(first[parents[:, 0]], first[parents[:, 1]], torch.from_numpy(share).double()[:, None])
    logits = torch.relu(torch.cat([first, mix]) + bias) @ head.T + head_bias
    log_p = torch.log_softmax(logits, 1)
    truth = torch.from_numpy(labels)[:, None]
    missed = log_p.exp().scatter(1, truth, 0.0).sum(1)  # 1 - p
    loss = -(missed**gamma) * log_p.gather(1, truth)[:, 0]
    (loss * torch.from_numpy(weights)).sum().backward()
    for got, tensor in zip(found, tensors, strict=True):
        assert tensor.grad is not None
        expected = tensor.grad.numpy()
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-5 * np.abs(expected).max())


def test_the_focal_loss_of_exponent_0_is_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    shapes = (12, 16), (16,), (3, 16), (3,)
    values = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    labels, weights = rng.integers(3, size=12), rng.random(12, dtype=np.float32)
    none = np.empty((0, 2), np.int64), weights[:0]
    plain, focal = ([np.zeros(shape, np.float32) for shape in shapes] for _ in range(2))
    gradients_of(3, 16)(*values, labels, weights, *none, *plain)
    gradients_of(3, 16, focal=True)(*values, labels, weights, *none, *focal, 0.0)
    for one, other in zip(plain, focal, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("focal", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_training_shows_in_the_gradients(bad: float, focal: bool) -> None:
    first, bias = np.ones((20, 16), dtype=np.float32), np.zeros(16, dtype=np.float32)
    head, head_bias = np.ones((3, 16), dtype=np.float32), np.array([0, bad, 0], dtype=np.float32)
    labels, weights = np.arange(20) % 3, np.full(20, 0.05, dtype=np.float32)
    found = [np.zeros(shape, dtype=np.float32) for shape in ((20, 16), 16, (3, 16), 3)]
    none = np.empty((0, 2), np.int64), weights[:0]
    gradients_of(3, 16, focal=focal)(first, bias, head, head_bias, labels, weights, *none, *found, 1.0)
    assert not any(np.isfinite(gradient).any() for gradient in found)


@pytest.mark.parametrize("gap", [0, 1e-3, 1, 30, 86, 88, 1000, 1e30])
def test_a_sure_row_has_the_gradient_of_its_distance(gap: float) -> None:
    """The exponential is of the kernel's own, and far from 0 its argument is cut off."""
    first, bias = np.zeros((1, 16), dtype=np.float32), np.zeros(16, dtype=np.float32)
    head, head_bias = np.zeros((2, 16), dtype=np.float32), np.array([0, gap], dtype=np.float32)
    labels, weights = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.float32)
    found = [np.zeros(shape, dtype=np.float32) for shape in ((1, 16), 16, (2, 16), 2)]
    none = np.empty((0, 2), np.int64), weights[:0]
    gradients_of(2, 16)(first, bias, head, head_bias, labels, weights, *none, *found)
    p = 1 / (1 + np.exp(-float(np.float32(gap))))
    np.testing.assert_allclose(found[3], [-p, p], rtol=3e-7)


def test_a_diverged_training_shows_as_not_finite() -> None:
    first, bias = np.full((2, 4), np.nan, dtype=np.float32), np.full(4, np.nan, dtype=np.float32)
    head, head_bias = np.full((2, 4), np.nan, dtype=np.float32), np.full(2, np.nan, dtype=np.float32)
    found = np.zeros((2, 2), dtype=np.float32)
    kernels.logits(first, bias, head, head_bias, found)
    assert not np.isfinite(found).any()


def test_without_a_folder_for_compiled_code_it_is_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = kernels.njit

    def no_folder(*, cache: bool = False, **settings: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**settings)

    monkeypatch.setattr(kernels, "njit", no_folder)
    twice = kernels.compiled(lambda value: 2 * value)
    assert twice(21) == 42
    assert twice.signatures, "it was not compiled"


@pytest.mark.parametrize(("ratio", "expected"), [(2.0, "bfloat16"), (1.2, "float32"), (0.1, "float32")])
def test_the_precision_follows_the_measured_speed(
    ratio: float, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_seconds", lambda dtype: ratio if dtype is torch.float32 else 1.0)
    assert precision.measured_precision() == expected


def test_the_probe_times_both_and_leaves_the_threads_alone() -> None:
    threads = torch.get_num_threads()
    assert all(0 < precision._seconds(dtype) < 10 for dtype in (torch.float32, torch.bfloat16))
    assert precision.fastest_precision() in ("float32", "bfloat16")
    assert torch.get_num_threads() == threads
