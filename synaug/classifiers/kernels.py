"""What surrounds the large products of a training step, compiled; the gradients are in ``gradients``.

Numba compiles it once for a machine and keeps the result on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from numba import config, njit
from numba.core.codegen import get_host_cpu_features

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

# Sums may be taken in another order; NaN and infinity keep their meaning, a diverged training shows them.
_FAST = {"contract", "reassoc", "nsz", "arcp"}
_ZERO = np.float32(0)


def _use_wide_vectors() -> None:
    """Let the compiler use 512-bit vectors where the processor is too new to slow its clock for them.

    LLVM keeps to 256 bits on Intel's processors. Settings of numba's that a user made stay.
    """
    settings: Any = config
    features = get_host_cpu_features()  # type: ignore[no-untyped-call]
    if "+avx512bf16" in features and settings.CPU_NAME is None and settings.CPU_FEATURES is None:
        settings.CPU_FEATURES = f"{features},-prefer-256-bit"


_use_wide_vectors()


def compiled(function: Function) -> Function:
    """Compile at the first call; keep the code on disk where a folder for it can be written."""
    settings: dict[str, Any] = {"fastmath": _FAST, "error_model": "numpy"}
    try:
        return njit(cache=True, **settings)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # numba has no folder to write to
        return njit(**settings)(function)  # type: ignore[no-any-return]


@compiled
def logits(first: F32, bias: F32, head: F32, head_bias: F32, out: F32) -> None:
    """Write the logits (r, C) of rows whose product with the first layer's weights is ``first`` (r, H)."""
    rows, width = first.shape
    hidden = np.empty(width, np.float32)
    for i in range(rows):
        for j in range(width):
            hidden[j] = max(first[i, j] + bias[j], _ZERO)
        for c in range(len(head_bias)):
            logit = head_bias[c]
            for j in range(width):
                logit += hidden[j] * head[c, j]
            out[i, c] = logit


@compiled
def adam(values: F32, gradient: F32, mean: F32, square: F32, step: int, rate: float, decay: float) -> None:
    """One step of Adam (Kingma and Ba 2015, arXiv:1412.6980) as in ``torch.optim.Adam``, in place.

    Args:
        values: parameters (p,).
        gradient: of the loss (p,).
        mean: running mean of the gradient (p,), zeros at first.
        square: running mean of its square (p,), zeros at first.
        step: number of this step, from 1.
        rate: learning rate.
        decay: L2 penalty, added to the gradient as ``decay * values``.
    """
    scale = np.float32(rate / (1 - 0.9**step))
    root = np.float32(1 / np.sqrt(1 - 0.999**step))
    penalty = np.float32(decay)
    for i in range(len(values)):
        slope = gradient[i] + penalty * values[i]
        mean[i] = np.float32(0.9) * mean[i] + np.float32(0.1) * slope
        square[i] = np.float32(0.999) * square[i] + np.float32(0.001) * slope * slope
        values[i] -= scale * mean[i] / (np.sqrt(square[i]) * root + np.float32(1e-8))
