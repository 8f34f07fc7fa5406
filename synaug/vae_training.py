"""Gaussian VAEs of many small sets of rows, one after the other, each with its gradient written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from .classifiers import kernels

F32 = npt.NDArray[np.float32]
Layer = tuple[torch.Tensor, torch.Tensor]  # weights (in, out), biases (out,)


@dataclass(frozen=True)
class VaeSettings:
    """What all models of a call have in common; the words are those of the method's knobs.

    ``precision`` is that of the rows, the hidden layers and the results of products; parameters, Adam and
    what lies between the two networks are float32.
    """

    latent: int
    hidden: int
    beta: float
    steps: int
    learning_rate: float
    decoder_noise: float
    precision: str = "float32"


@dataclass(frozen=True)
class VaeData:
    """One model: its training rows (n, d), how many rows it makes, and its own random numbers."""

    rows: F32
    wanted: int
    generator: np.random.Generator


def generate(data: Sequence[VaeData], settings: VaeSettings) -> list[F32]:
    """Train one VAE for each entry and decode ``wanted`` draws of the prior (wanted, d).

    All random numbers of a model come from its own generator, so its rows do not depend on what else
    is trained.
    """
    return [_Model(entry, settings).generate() for entry in data]


class FittedVae:
    """One trained model: what code it gives a row, and what row it makes of a code.

    Rows are on the scale of the model: less the mean of the training rows, over one standard deviation
    for all dimensions. There the decoder has unit variance.
    """

    def __init__(self, data: VaeData, settings: VaeSettings):
        self._model = _Model(data, settings)
        self._model.train()

    def standardise(self, rows: F32) -> F32:
        """Put rows of the data (n, d) on the scale of the model."""
        scaled: F32 = ((rows - self._model.center) / self._model.scale).astype(np.float32)
        return scaled

    @torch.no_grad()
    def encode(self, rows: F32) -> tuple[F32, F32]:
        """Mean and log variance of the posterior of standardised rows (n, d), both (n, latent)."""
        first, second = self._model.layers[:2]
        hidden = torch.addmm(first[1], torch.from_numpy(rows), first[0]).relu_()
        mean, log_variance = torch.addmm(second[1], hidden, second[0]).chunk(2, dim=1)
        return mean.numpy(), log_variance.numpy()

    def decode(self, codes: F32) -> F32:
        """The decoder's mean, standardised (m, d), of codes (m, latent)."""
        return self._model.decode(codes)


class _Model:
    """Encoder d -> hidden -> mean and log variance, decoder latent -> hidden -> d; ReLU in between.

    All parameters lie in one array, their gradients and a copy in the precision of the products in two
    more, so that Adam and the copying are one pass each.
    """

    def __init__(self, data: VaeData, settings: VaeSettings):
        self.data, self.settings = data, settings
        self.dtype: torch.dtype = getattr(torch, settings.precision)
        self.center, self.scale = data.rows.mean(axis=0, dtype=np.float64), _scale(data.rows)
        self.X = torch.from_numpy(((data.rows - self.center) / self.scale).astype(np.float32)).to(self.dtype)
        widths = [data.rows.shape[1], settings.hidden, 2 * settings.latent]
        shapes = [*pairwise(widths), *pairwise([settings.latent, *widths[1::-1]])]
        self.values = torch.zeros(sum(fan_in * out + out for fan_in, out in shapes))
        self.gradient = torch.zeros_like(self.values)
        self.rounded = torch.empty_like(self.values, dtype=self.dtype)
        self.layers, self.of_layers, self.rounded_layers = (
            _layers(array, shapes) for array in (self.values, self.gradient, self.rounded)
        )
        for weights, _ in self.layers:  # uniform within 1 / sqrt(fan in), biases zero
            bound = len(weights) ** -0.5
            draws = data.generator.uniform(-bound, bound, tuple(weights.shape))
            weights.copy_(torch.from_numpy(draws.astype(np.float32)))

    def generate(self) -> F32:
        """Train, then decode draws of the prior on the scale of the data (wanted, d)."""
        self.train()
        return self._draw()

    @torch.no_grad()
    def train(self) -> None:
        """Take all steps."""
        values, gradient = self.values.numpy(), self.gradient.numpy()
        mean, square = np.zeros_like(values), np.zeros_like(values)
        for step in range(1, self.settings.steps + 1):
            self.rounded.copy_(self.values)
            self._backward()
            kernels.adam(values, gradient, mean, square, step, self.settings.learning_rate, 0.0)

    def _backward(self) -> None:
        """Write the gradient of the mean loss of a row, ``0.5 * |x - decoded|^2 + beta * KL``."""
        X, beta, (first, second, third, fourth) = self.X, self.settings.beta, self.rounded_layers
        of_first, of_second, of_third, of_fourth = self.of_layers
        hidden = torch.addmm(first[1], X, first[0]).relu_()  # (n, hidden)
        mean, log_variance = torch.addmm(second[1], hidden, second[0]).float().chunk(2, dim=1)  # (n, latent)
        shape = tuple(mean.shape)
        noise = torch.from_numpy(self.data.generator.standard_normal(shape, dtype=np.float32))
        spread = torch.exp(0.5 * log_variance).mul_(noise)
        z = (mean + spread).to(self.dtype)
        inner = torch.addmm(third[1], z, third[0]).relu_()  # (n, hidden)
        error = torch.addmm(fourth[1], inner, fourth[0]).sub_(X)  # (n, d)
        _write(of_fourth, inner, error)
        pull = _through_relu(error @ fourth[0].T, inner)
        _write(of_third, z, pull)
        of_z = (pull @ third[0].T).float()
        of_log_variance = of_z * spread + beta * (log_variance.exp() - 1)
        of_code = torch.cat([of_z + beta * mean, of_log_variance.mul_(0.5)], dim=1).to(self.dtype)
        _write(of_second, hidden, of_code)
        _write(of_first, X, _through_relu(of_code @ second[0].T, hidden))
        self.gradient.mul_(1 / len(X))

    def _draw(self) -> F32:
        entry, settings = self.data, self.settings
        z = entry.generator.standard_normal((entry.wanted, settings.latent), dtype=np.float32)
        rows = self.decode(z)
        if settings.decoder_noise > 0:
            noise = entry.generator.standard_normal(rows.shape, dtype=np.float32)
            rows = rows + np.float32(settings.decoder_noise) * noise
        result: F32 = (rows * self.scale + self.center).astype(np.float32)
        return result

    @torch.no_grad()
    def decode(self, codes: F32) -> F32:
        """The decoder's mean, standardised (m, d), of codes (m, latent)."""
        (first, first_bias), (second, second_bias) = self.layers[2:]
        hidden = torch.addmm(first_bias, torch.from_numpy(codes), first).relu_()
        rows: F32 = torch.addmm(second_bias, hidden, second).numpy()
        return rows


def _layers(array: torch.Tensor, shapes: Sequence[tuple[int, int]]) -> list[Layer]:
    """Views of one array (p,): weights and biases of one layer after the other."""
    layers, start = [], 0
    for fan_in, out in shapes:
        middle = start + fan_in * out
        layers.append((array[start:middle].view(fan_in, out), array[middle : middle + out]))
        start = middle + out
    return layers


def _write(gradient: Layer, inputs: torch.Tensor, of_outputs: torch.Tensor) -> None:
    """Write the gradient of a layer, summed over rows."""
    weights, biases = gradient
    weights.copy_(inputs.T @ of_outputs)
    torch.sum(of_outputs, 0, dtype=torch.float32, out=biases)


def _through_relu(gradient: torch.Tensor, activated: torch.Tensor) -> torch.Tensor:
    """Zero where the unit was off; a product with a mask of truth values takes ten times as long."""
    found: torch.Tensor = torch.ops.aten.threshold_backward(gradient, activated, 0)
    return found


def _scale(rows: F32) -> float:
    """One standard deviation of all dimensions about their means; 1 where all rows are the same."""
    return float(np.sqrt(rows.var(axis=0, dtype=np.float64).mean())) or 1.0
