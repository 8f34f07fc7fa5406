"""Classifiers that train on the texts themselves: what they need of an encoder, and the tokens they read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synaug.classifiers import Classifier
from synaug.errors import Exit, Problem, SynaugError
from synaug.own_vectors import OwnVectors
from synaug.tokens import Tokens

from .spec import Spec

if TYPE_CHECKING:
    from .prepare import AnyEncoder, Codes, Prepared

CHECKED = 8  # texts on which an encoder is tried that is to be trained


def read_tokens(prepared: Prepared, encoder: AnyEncoder, rows: Codes) -> Tokens | None:
    """Tokens of some rows of the corpus for the classifiers that read texts; None where there is none."""
    if not readers(prepared.spec) or isinstance(encoder, OwnVectors):
        return None
    return Tokens.of(encoder, [prepared.corpus.texts[row] for row in rows])


def check_readers(prepared: Prepared) -> None:
    """Let the classifiers that read texts try every encoder, before anything is written.

    Raises:
        SynaugError: one of them cannot train it (exit 3).
    """
    for reader in readers(prepared.spec):
        for name, encoder in prepared.encoders.items():
            if isinstance(encoder, OwnVectors):
                text = f"{reader.name} trains an encoder on texts, and {name} came with the data"
                fix = "leave this classifier out, or sweep the texts with the model that made the vectors"
                raise SynaugError(Problem(text, "classifiers", fix, "D48"), Exit.SPEC)
            reader.check_encoder(encoder, prepared.corpus.texts[:CHECKED])


def readers(spec: Spec) -> list[Classifier]:
    """Classifiers that train on the texts themselves."""
    every = [classifier.options("float32") for classifier in spec.every_classifier]
    return [options for options in every if options.reads_texts]
