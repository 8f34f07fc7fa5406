"""The VAEs: against one small model written plainly, and on data with a known shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from synaug.errors import NotApplicable
from synaug.methods.base import TrainingPart
from synaug.methods.vae import Vae
from synaug.neighbors import NeighborGraph
from synaug.vae_training import VaeData, VaeSettings, generate

F32 = npt.NDArray[np.float32]
SETTINGS = VaeSettings(latent=3, hidden=16, beta=1.0, steps=40, learning_rate=0.01, decoder_noise=0.0)


def entry(n: int, seed: int, wanted: int = 30, d: int = 12) -> VaeData:
    """Rows about 3 with two strong directions, standard deviations 3 and 2, and 0.2 elsewhere."""
    rng = np.random.default_rng(100 + seed)
    spread = np.full(d, 0.2)
    spread[:2] = 3, 2
    rows = (3 + rng.normal(size=(n, d)) * spread).astype(np.float32)
    return VaeData(rows, wanted, np.random.default_rng(seed))


def plain_vae(data: VaeData, settings: VaeSettings) -> F32:
    """One model under autograd: torch's own layers and distributions."""
    generator, d, latent = data.generator, data.rows.shape[1], settings.latent
    center = data.rows.mean(axis=0)
    scale = np.sqrt(((data.rows - center) ** 2).mean())
    X = torch.from_numpy((data.rows - center) / scale)
    layers = []
    for shape in (
        (d, settings.hidden),
        (settings.hidden, 2 * latent),
        (latent, settings.hidden),
        (settings.hidden, d),
    ):
        layer = torch.nn.Linear(*shape)
        draws = generator.uniform(-(shape[0] ** -0.5), shape[0] ** -0.5, shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(draws).T)
            layer.bias.zero_()
        layers.append(layer)
    decoder = torch.nn.Sequential(layers[2], torch.nn.ReLU(), layers[3])
    adam = torch.optim.Adam([p for layer in layers for p in layer.parameters()], lr=settings.learning_rate)
    for _ in range(settings.steps):
        adam.zero_grad()
        mean, log_variance = layers[1](torch.relu(layers[0](X))).chunk(2, dim=1)
        posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        prior = torch.distributions.Normal(torch.zeros_like(mean), 1.0)
        noise = torch.from_numpy(generator.standard_normal(mean.shape, dtype=np.float32))
        error = 0.5 * (X - decoder(mean + posterior.stddev * noise)).square().sum(1)
        divergence = torch.distributions.kl_divergence(posterior, prior).sum(1)
        (error + settings.beta * divergence).mean().backward()
        adam.step()
    z = torch.from_numpy(generator.standard_normal((data.wanted, latent), dtype=np.float32))
    with torch.no_grad():
        rows: F32 = decoder(z).numpy() * scale + center
    return rows


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_the_gradient_written_out_equals_autograd(beta: float) -> None:
    settings, sizes = replace(SETTINGS, beta=beta), [20, 23, 9, 2]
    made = generate([entry(n, seed) for seed, n in enumerate(sizes)], settings)
    for seed, n in enumerate(sizes):
        np.testing.assert_allclose(made[seed], plain_vae(entry(n, seed), settings), rtol=0, atol=2e-3)


def test_the_rows_of_a_model_do_not_depend_on_the_others() -> None:
    together = generate([entry(n, seed) for seed, n in enumerate([20, 22, 300])], SETTINGS)
    np.testing.assert_array_equal(together[1], generate([entry(22, 1)], SETTINGS)[0])


def loss(data: VaeData, settings: VaeSettings) -> float:
    """Mean squared distance of training rows from the nearest of many generated ones."""
    rows = generate([replace(data, wanted=4000)], settings)[0]
    return float(
        torch.cdist(torch.from_numpy(data.rows), torch.from_numpy(rows)).min(1).values.square().mean()
    )


def test_products_in_bfloat16_find_as_good_a_model() -> None:
    settings = VaeSettings(latent=3, hidden=64, beta=0.2, steps=300, learning_rate=0.005, decoder_noise=0.0)
    exact, untrained = loss(entry(200, 1), settings), loss(entry(200, 1), replace(settings, steps=1))
    rounded = loss(entry(200, 1), replace(settings, precision="bfloat16"))
    assert exact < 0.2 * untrained
    assert 0.9 < rounded / exact < 1.1


def test_the_method_trains_in_the_precision_of_its_training_part() -> None:
    vae, given = Vae(latent=2, epochs=20), part((20, 8))
    made = [
        vae.pool(replace(given, precision=precision), np.random.RandomState(3)).rows
        for precision in ("float32", "bfloat16")
    ]
    assert made[0] is not None
    assert made[1] is not None
    np.testing.assert_allclose(made[0], made[1], rtol=0, atol=0.2)
    assert (made[0] != made[1]).any()


def test_rows_vary_along_the_strong_directions_of_the_data() -> None:
    """A perfect VAE's mean keeps a share 1 - 1/v of a variance v: here 0.84 and 0.65 of 9 and 4."""
    data = entry(200, 1, wanted=4000)
    settings = VaeSettings(latent=4, hidden=64, beta=1.0, steps=400, learning_rate=0.005, decoder_noise=0.0)
    rows = generate([data], settings)[0]
    share = rows.var(axis=0) / data.rows.var(axis=0)
    assert ((share[:2] > 0.4) & (share[:2] < 1.3)).all()
    assert rows[:, 2:].var() < 0.2
    np.testing.assert_allclose(rows.mean(axis=0), data.rows.mean(axis=0), atol=0.6)


def test_a_strong_divergence_collapses_to_the_mean() -> None:
    data = entry(60, 1, wanted=500)
    settings = replace(SETTINGS, beta=1000.0, steps=400)
    rows = generate([data], settings)[0]
    assert rows.var(axis=0).sum() < 0.1 * data.rows.var(axis=0).sum()


def test_decoder_noise_adds_the_decoders_variance() -> None:
    data, noisy = entry(60, 1, wanted=4000), entry(60, 1, wanted=4000)
    plain = generate([data], SETTINGS)[0]
    added = generate([noisy], replace(SETTINGS, decoder_noise=0.5))[0] - plain
    scale = np.sqrt(data.rows.var(axis=0).mean())
    np.testing.assert_allclose(added.std(axis=0), 0.5 * scale, rtol=0.05)
    np.testing.assert_allclose(added.mean(axis=0), 0, atol=0.03 * scale)


def test_identical_rows_are_standardised_without_dividing_by_zero() -> None:
    rows = np.full((4, 5), 7.0, dtype=np.float32)
    made = generate([VaeData(rows, 6, np.random.default_rng(0))], replace(SETTINGS, beta=100.0, steps=300))
    np.testing.assert_allclose(made[0], 7.0, atol=0.5)


def part(sizes: tuple[int, ...], d: int = 6) -> TrainingPart:
    y = np.repeat(np.arange(len(sizes)), sizes)
    X = np.random.default_rng(0).normal(size=(len(y), d)).astype(np.float32)

    def graph(metric: str) -> NeighborGraph:
        raise AssertionError("a VAE needs no neighbors")

    return TrainingPart(X, np.arange(len(y)), y, len(sizes), graph)


def test_one_row_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="class 1 has 1 row in a training part, a VAE needs 2"):
        Vae(latent=2).pool(part((8, 1)), np.random.RandomState(0))


def test_more_latent_dimensions_than_dimensions_does_not_apply() -> None:
    with pytest.raises(NotApplicable, match="7 latent dimensions are more than the 6"):
        Vae(latent=7).pool(part((8, 4)), np.random.RandomState(0))


def test_a_class_does_not_depend_on_the_other_classes() -> None:
    few, more = part((20, 8, 20)), part((20, 8, 20))
    rows = np.flatnonzero((more.y != 2) | (np.arange(len(more.y)) % 2 == 0))
    more = TrainingPart(more.X, rows, more.y[rows], 3, more.graph)
    vae = Vae(latent=2, epochs=20)
    first, second = (vae.pool(p, np.random.RandomState(3)) for p in (few, more))
    assert first.rows is not None
    assert second.rows is not None
    assert set(first.labels) == {1}
    assert set(second.labels) == {1, 2}
    np.testing.assert_allclose(first.rows, second.rows[second.labels == 1], rtol=0, atol=1e-4)
