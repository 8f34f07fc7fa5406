"""A trained classifier as files: from raw text to class probabilities, without the sweep that made it.

``config.json`` and ``classifier.safetensors`` hold everything but the encoder. What is loaded is plain
numbers and text, each checked against its sha256.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .cache import file_sha256
from .encoders import Encoder, EncoderOptions, open_encoder
from .errors import Exit, Problem, SynaugError
from .models import FILES, model_files
from .scorers import SCORERS, Scorer

SCHEMA = 1
CONFIG, WEIGHTS = "config.json", "classifier.safetensors"


@dataclass(frozen=True)
class EncoderCard:
    """Which encoder a classifier needs, and where it was found.

    Attributes:
        name: its name, for people.
        digest: of its files and of all that changes its numbers; another digest is refused.
        model: "minilm", a folder or a name on the hub, where its files are not packed with the classifier.
        pooling: as in ``EncoderOptions``, as are the others.
    """

    name: str
    digest: str
    model: str
    pooling: str
    max_length: int
    normalize: bool
    dtype: str

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderCard:
        """The card of an encoder that is in place."""
        options, path = encoder.options, Path(encoder.options.model).expanduser()
        model = str(path.resolve()) if path.is_dir() else options.model
        return cls(
            encoder.name,
            encoder.digest,
            model,
            options.pooling,
            options.max_length,
            options.normalize,
            encoder.dtype,
        )

    def open(self, folder: Path | None = None) -> Encoder:
        """Open the encoder from ``folder``, or from where it was found.

        Raises:
            SynaugError: it is another encoder than the classifier was trained with (exit 9), or it is not
                there (exit 3 or 5).
        """
        model = self.model if folder is None else str(folder)
        options = EncoderOptions(model, self.pooling, self.max_length, self.normalize, self.dtype)
        encoder = open_encoder(options)
        if encoder.digest != self.digest:
            pair = f"{self.digest[:12]}…, got {encoder.digest[:12]}…"
            text = f"expected the encoder {self.name} with digest {pair}"
            fix = "bring the files back that the classifier was trained with, or export it again"
            raise SynaugError(Problem(text, str(encoder.folder), fix), Exit.INTEGRITY)
        return encoder


@dataclass(frozen=True, eq=False)
class TextClassifier:
    """A classifier with its encoder: raw text to class probabilities.

    Attributes:
        encoder: makes the embeddings.
        classes: class names, in the order of the probabilities.
        scorer: from embeddings to scores.
    """

    encoder: Encoder
    classes: tuple[str, ...]
    scorer: Scorer

    def probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probabilities of the classes (n, C); a row sums to 1."""
        return softmax(self.scorer.logits(self.encoder.encode(texts)))

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The most probable class of each text (n)."""
        return [self.classes[code] for code in self.probabilities(texts).argmax(1)]


def softmax(logits: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Probabilities of logits (n, C), in double precision."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


def save(classifier: TextClassifier, folder: Path, about: Mapping[str, Any]) -> None:
    """Write a classifier, without its encoder's files, into a folder made here.

    Args:
        classifier: what to write.
        folder: the folder; must not exist.
        about: where it comes from, JSON values for people.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    save_file(classifier.scorer.arrays(), folder / WEIGHTS)
    config = {
        "schema": SCHEMA,
        "classes": list(classifier.classes),
        "scorer": classifier.scorer.kind,
        "encoder": asdict(EncoderCard.of(classifier.encoder)),
        "weights_sha256": file_sha256(folder / WEIGHTS),
        "about": dict(about),
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """Copy the files that make an encoder into a folder made here; no code, no pickle."""
    folder.mkdir(parents=True)
    for file in model_files(encoder.folder):
        shutil.copyfile(file, folder / file.name)


def save_fine_tuned(model: Any, encoder: Encoder, folder: Path) -> Encoder:
    """Write a trained model as safetensors, with its tokenizer, into a folder made here.

    Args:
        model: of transformers.
        encoder: what it was before.
        folder: the folder; must not exist.

    Returns:
        The encoder of that folder; its options name the model that it was made from.
    """
    folder.mkdir(parents=True)
    weights = {file.name for file in encoder.folder.glob(FILES[0])}
    for file in model_files(encoder.folder):
        if file.name not in weights and not file.name.endswith(".safetensors.index.json"):
            shutil.copyfile(file, folder / file.name)
    model.save_pretrained(folder)
    digest = open_encoder(replace(encoder.options, model=str(folder), dtype="float32")).digest
    name = f"{encoder.name}, fine-tuned"
    return Encoder(name, folder, digest, encoder.dimensions, "float32", encoder.options)


def encoder_bytes(encoder: Encoder) -> int:
    """Size of the files that ``save_encoder`` copies."""
    return sum(file.stat().st_size for file in model_files(encoder.folder))


def load(folder: Path, encoder_folder: Path | None = None) -> TextClassifier:
    """Load what ``save`` wrote.

    Args:
        folder: the classifier.
        encoder_folder: the encoder's files, where they are packed with it; else it is found by name.

    Raises:
        SynaugError: a file is not what was saved, or the encoder is another one (exit 9).
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / WEIGHTS
    try:
        config = json.loads((folder / CONFIG).read_bytes())
        if config["schema"] != SCHEMA or config["weights_sha256"] != file_sha256(path):
            raise ValueError("its checksum or schema differs")
        scorer = SCORERS[config.get("scorer", "network")](**load_file(path))  # at first there was no other
        card = EncoderCard(**config["encoder"])
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        problem = Problem(f"not a classifier that was exported here: {error}", str(folder), "export it again")
        raise SynaugError(problem, Exit.INTEGRITY) from error
    return TextClassifier(card.open(encoder_folder), tuple(config["classes"]), scorer)
