"""The compiled part of a training step against torch, and where its code can be kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from synaug.classifiers import kernels, precision

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
    twice = kernels._compiled(lambda value: 2 * value)
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
