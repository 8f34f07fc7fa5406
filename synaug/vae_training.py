"""Gaussian VAEs of many small sets of rows, trained together as one batch of matrix products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

F32 = npt.NDArray[np.float32]
_BATCH_ROWS = 4096  # rows trained on at once, the filled-up ones included
_BATCH_MODELS = 64  # bounds the memory of the weights
_FILL = 1.1  # largest number of rows in a batch over the smallest


@dataclass(frozen=True)
class VaeSettings:
    """What all models of a call have in common; the words are those of the method's knobs."""

    latent: int
    hidden: int
    beta: float
    steps: int
    learning_rate: float
    decoder_noise: float


@dataclass(frozen=True)
class VaeData:
    """One model: its training rows (n, d), how many rows it makes, and its own random numbers."""

    rows: F32
    wanted: int
    generator: np.random.Generator


def generate(data: Sequence[VaeData], settings: VaeSettings) -> list[F32]:
    """Train one VAE for each entry and decode ``wanted`` draws of the prior (wanted, d).

    All random numbers of a model come from its own generator, so its rows do not depend on what
    else is trained, beyond the rounding of the products.
    """
    made: list[F32] = [np.empty((0, 0), dtype=np.float32)] * len(data)
    for batch in _batches([len(entry.rows) for entry in data]):
        models = _Models([data[i] for i in batch], settings)
        models.train()
        for place, i in enumerate(batch):
            made[i] = models.decode(place)
    return made


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Group models with similar numbers of rows."""
    batch: list[int] = []
    for i in sorted(range(len(sizes)), key=lambda i: (sizes[i], i)):
        full = len(batch) == _BATCH_MODELS or (len(batch) + 1) * sizes[i] > _BATCH_ROWS
        if batch and (full or sizes[i] > _FILL * sizes[batch[0]]):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


class _Models:
    """A batch of M models: rows filled up with zeros that have no weight in the loss."""

    def __init__(self, data: Sequence[VaeData], settings: VaeSettings):
        self.data, self.settings = data, settings
        most, d = max(len(entry.rows) for entry in data), data[0].rows.shape[1]
        self.center = [entry.rows.mean(axis=0, dtype=np.float64) for entry in data]
        self.scale = [_scale(entry.rows) for entry in data]
        X = np.zeros((len(data), most, d), dtype=np.float32)
        weight = np.zeros((len(data), most), dtype=np.float32)
        for m, entry in enumerate(data):
            X[m, : len(entry.rows)] = (entry.rows - self.center[m]) / self.scale[m]
            weight[m, : len(entry.rows)] = 1 / len(entry.rows)
        self.X, self.weight = torch.from_numpy(X), torch.from_numpy(weight)
        hidden, latent = settings.hidden, settings.latent
        shapes = [(d, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, d)]
        self.layers = [self._layer(*shape) for shape in shapes]

    def _layer(self, fan_in: int, fan_out: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights (M, in, out), uniform within ``1 / sqrt(fan in)``, and biases (M, 1, out) of zero."""
        bound = fan_in**-0.5
        draws = [
            entry.generator.uniform(-bound, bound, (fan_in, fan_out)).astype(np.float32)
            for entry in self.data
        ]
        weights = torch.from_numpy(np.stack(draws)).requires_grad_()
        return weights, torch.zeros(len(self.data), 1, fan_out, requires_grad=True)

    def train(self) -> None:
        """Minimise the mean loss of each model's rows, all models at once."""
        parameters = [tensor for layer in self.layers for tensor in layer]
        adam = torch.optim.Adam(parameters, lr=self.settings.learning_rate, fused=True)
        for _ in range(self.settings.steps):
            adam.zero_grad()
            self._loss().backward()  # type: ignore[no-untyped-call]
            adam.step()

    def _loss(self) -> torch.Tensor:
        hidden = torch.baddbmm(self.layers[0][1], self.X, self.layers[0][0]).relu()
        mean, log_variance = torch.baddbmm(self.layers[1][1], hidden, self.layers[1][0]).chunk(2, dim=2)
        z = mean + torch.exp(0.5 * log_variance) * self._noise()  # (M, n, latent)
        inner = torch.baddbmm(self.layers[2][1], z, self.layers[2][0]).relu()
        decoded = torch.baddbmm(self.layers[3][1], inner, self.layers[3][0])
        error = 0.5 * (self.X - decoded).square().sum(dim=2)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=2)
        return ((error + self.settings.beta * divergence) * self.weight).sum()

    def _noise(self) -> torch.Tensor:
        noise = np.zeros((*self.weight.shape, self.settings.latent), dtype=np.float32)
        for m, entry in enumerate(self.data):
            n = len(entry.rows)
            noise[m, :n] = entry.generator.standard_normal((n, self.settings.latent), dtype=np.float32)
        return torch.from_numpy(noise)

    @torch.no_grad()
    def decode(self, m: int) -> F32:
        """Decode draws of the prior with model m, on the scale of its rows (wanted, d)."""
        entry, settings = self.data[m], self.settings
        z = entry.generator.standard_normal((entry.wanted, settings.latent), dtype=np.float32)
        (first, first_bias), (second, second_bias) = self.layers[2:]
        hidden = torch.addmm(first_bias[m], torch.from_numpy(z), first[m]).relu()
        rows: F32 = torch.addmm(second_bias[m], hidden, second[m]).numpy()
        if settings.decoder_noise > 0:
            noise = entry.generator.standard_normal(rows.shape, dtype=np.float32)
            rows = rows + np.float32(settings.decoder_noise) * noise
        result: F32 = (rows * self.scale[m] + self.center[m]).astype(np.float32)
        return result


def _scale(rows: F32) -> float:
    """One standard deviation of all dimensions about their means; 1 where all rows are the same."""
    return float(np.sqrt(rows.var(axis=0, dtype=np.float64).mean())) or 1.0
