"""Synthetic embeddings for rare classes: data, encoders, methods, classifiers, evaluation."""

__version__ = "0.1.0"

ENGINE_VERSION = 5  # part of every trial key: raised only when numbers change
