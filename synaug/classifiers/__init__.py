"""The classifiers that score an arm's training rows, one file each, beside what the network is made of."""

from __future__ import annotations

from ..registry import Registry
from .base import Classifier

# What the network is made of declares no classifier, and most of it imports torch.
MACHINERY = (
    "backbone",
    "finetuning",
    "gradients",
    "kernels",
    "losses",
    "mlp",
    "network",
    "precision",
    "stacked",
)

CLASSIFIERS: Registry[type[Classifier]] = Registry("classifier", __name__, skip=MACHINERY)

__all__ = ["CLASSIFIERS", "Classifier"]
