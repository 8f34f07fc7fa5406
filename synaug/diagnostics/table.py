"""The one table of diagnostics: name, what it is, unit, which side is a fault, how it is measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from . import c2st, moments, placement, support
from .pairs import Pair

Fault = Literal["low", "high", "either", "none"]
PARENTS, NULL, LOW, HIGH = "_parents", "_null", "_null_low", "_null_high"  # endings of names


@dataclass(frozen=True)
class Diagnostic:
    """One number about the synthetic rows of a cell.

    Attributes:
        name: its key in ``diagnostics`` of a result line.
        what: a phrase for tables and figures.
        unit: share, ratio, rows, nats, ...
        fault: on which side of the band of real against real (or of what a good model gives) a
            number speaks against the rows.
        measure: its value for one class; None where it is told by the method's own model.
        alone: of the rows to judge alone, so that there is nothing to compare with parents.
        all_parents: the comparison with parents takes all of them, with a band of its own.
        first: on the first replicate only, because it takes long.
    """

    name: str
    what: str
    unit: str
    fault: Fault
    measure: Callable[[Pair], float] | None = None
    alone: bool = False
    all_parents: bool = False
    first: bool = False


def _effective_rank(pair: Pair) -> float:
    return moments.effective_rank(pair.synthetic)


def _participation_ratio(pair: Pair) -> float:
    return moments.participation_ratio(pair.synthetic)


# A name alone compares with real rows that the method did not see, NAME_parents with its training
# rows, both with as many real rows as synthetic ones. NAME_null, NAME_null_low and NAME_null_high are
# mean, least and greatest value of real rows in the place of synthetic ones. All are means over the
# minority classes, each with the same weight.
TABLE = (
    Diagnostic("variance_ratio", "total variance, synthetic over real", "ratio", "either",
               moments.variance_ratio),
    Diagnostic("norm_shift", "mean length of synthetic rows over that of real ones, less 1", "ratio",
               "either", moments.norm_shift),
    Diagnostic("effective_rank", "effective rank of the covariance", "dimensions", "low",
               _effective_rank, alone=True),
    Diagnostic("participation_ratio", "participation ratio of the covariance", "dimensions", "low",
               _participation_ratio, alone=True),
    Diagnostic("precision", "synthetic rows inside the real support", "share", "low", support.precision),
    Diagnostic("recall", "real rows inside the synthetic support", "share", "low", support.recall),
    Diagnostic("density", "real neighborhoods that a synthetic row lies in, over k", "ratio", "either",
               support.density),
    Diagnostic("coverage", "real neighborhoods that hold a synthetic row", "share", "low",
               support.coverage),
    Diagnostic("frechet", "Fréchet distance in 16 principal components at most", "squared distance",
               "high", moments.frechet),
    Diagnostic("nearest_distance_ratio", "distance to the nearest real row over the usual one", "ratio",
               "either", placement.nearest_distance_ratio, all_parents=True),
    Diagnostic("copies", "exact copies of a real row", "share", "high", placement.copies,
               all_parents=True),
    Diagnostic("unique_neighbor_rate", "different nearest real rows, for each synthetic row", "share",
               "low", placement.unique_neighbor_rate),
    Diagnostic("crossing_rate", "rows among real rows of other classes", "share", "high",
               placement.crossing_rate),
    Diagnostic("island_rate", "rows in synthetic islands away from real rows", "share", "high",
               placement.island_rate),
    Diagnostic("c2st_logistic", "told from real rows by logistic regression", "accuracy", "high",
               c2st.c2st_logistic, first=True),
    Diagnostic("c2st_forest", "told from real rows by a random forest", "accuracy", "high",
               c2st.c2st_forest, first=True),
    Diagnostic("c2st_norm", "told from real rows by their length alone", "accuracy", "high",
               c2st.c2st_norm, first=True),
    Diagnostic("compared_rows", "synthetic rows measured, and real rows beside them", "rows", "none"),
    Diagnostic("compared_classes", "minority classes measured", "classes", "none"),
    Diagnostic("unit_norm", "1 where real rows have length 1, else 0", "flag", "none"),
    Diagnostic("vae_active_units", "latent dimensions whose posterior mean varies by more than 0.01",
               "dimensions", "low"),
    Diagnostic("vae_kl", "divergence of the posterior from the prior, all dimensions", "nats", "low"),
    Diagnostic("vae_kl_N", "the same of one dimension, vae_kl_1 of the largest", "nats", "none"),
    Diagnostic("vae_reconstruction", "log likelihood of a training row given its code", "nats", "low"),
    Diagnostic("vae_elbo", "evidence lower bound of a training row", "nats", "low"),
    Diagnostic("vae_held_reconstruction", "log likelihood of a row not trained on, given its code",
               "nats", "low"),
    Diagnostic("vae_held_kl", "divergence of the posterior of rows not trained on", "nats", "none"),
    Diagnostic("vae_held_elbo", "evidence lower bound of a row not trained on", "nats", "low"),
    Diagnostic("vae_mean_variance_ratio", "total variance of the decoder's means over that of training rows",
               "ratio", "low"),
    Diagnostic("vae_sample_variance_ratio", "the same of the decoder's samples", "ratio", "either"),
)  # fmt: skip

MEASURED = tuple(each for each in TABLE if each.measure is not None)


def entry(name: str) -> Diagnostic:
    """What the table says of a key of ``diagnostics``, with any of its endings.

    Raises:
        KeyError: it is none.
    """
    for ending in (LOW, HIGH, NULL, PARENTS):
        name = name.removesuffix(ending)
    name = re.sub(r"^vae_kl_\d+$", "vae_kl_N", name)
    return {each.name: each for each in TABLE}[name]


def band(diagnostics: Mapping[str, float], name: str) -> tuple[float, float, float] | None:
    """Mean, least and greatest value of real against real beside a diagnostic; None where there is none.

    A comparison with parents has the band of the one with unseen rows, unless it has its own.

    Args:
        diagnostics: those of a result line.
        name: of a diagnostic, with ``_parents`` or without.
    """
    for base in (name, name.removesuffix(PARENTS)):
        if base + NULL in diagnostics:
            return diagnostics[base + NULL], diagnostics[base + LOW], diagnostics[base + HIGH]
    return None
