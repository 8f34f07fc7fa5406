"""The winner at work: a cell trained on all training rows, as a registered MLflow model from raw text."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

import synaug
import tracking.models as registry
from synaug.cache import file_sha256
from synaug.classifiers import CLASSIFIERS
from synaug.deploy import TextClassifier, encoder_bytes, load, save, save_encoder, save_fine_tuned, softmax
from synaug.encoders import Encoder
from synaug.errors import Exit, Problem, SynaugError
from synaug.final import Final, train_final, whole
from synaug.methods import METHODS
from synaug.own_vectors import OwnVectors
from tracking.models import CodeModel, Registered

from .choose import Choice, choose
from .entry import Entry
from .job import job_of
from .ledger import Ledger, Line
from .ledger_state import State, is_model, state
from .places import Places, refused_as
from .plan import cell_of
from .prepare import Prepared, prepare, share
from .progress import counted
from .resume import check_same
from .spec import Spec, load_spec
from .trial import own_options

SCRIPT = Path(__file__).with_name("text_model.py")
REQUIRED = ("mlflow", "numpy", "pandas", "platformdirs", "safetensors", "torch", "transformers")
EXAMPLES = ("a text to classify", "another one")  # nobody's data
PACKED = 1 << 30  # bytes; a larger encoder is named, not packed
CHECKED = 16  # texts on which the packed model is compared with the trained model
# How far probabilities may differ: another batch rounds differently, and the model computes in float32.
CLOSE = {"float32": 1e-3, "bfloat16": 5e-2}


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        choice: the cell.
        label: the cell as people read it.
        final: its model.
        registered: where it stands in the registry.
        packed: whether the model holds the encoder's files.
        texts: texts on which it was compared with the trained model.
        apart: largest difference of a probability there.
    """

    choice: Choice
    label: str
    final: Final
    registered: Registered
    packed: bool
    texts: int
    apart: float


def export(
    places: Places, key: str | None, console: Console, name: str | None = None, pack: bool = True
) -> Exported:
    """Train a cell on all training rows and register it as a model; test and dev rows stay untouched.

    All training rows are those that no dev or test split took, in the classes' sizes as they are. The
    budget is the one that the folds chose, the median over replicates.

    Args:
        places: where the sweep lies.
        key: trial key of the cell; None: the best on the folds.
        console: for messages.
        name: of the registered model; None: the sweep's.
        pack: put the encoder's files into the model where they are not larger than 1 GiB; otherwise the
            model names them by path and digest. Those of a fine-tuned encoder are always put into it.

    Raises:
        SynaugError: no such cell (exit 2), one that cannot be exported (exit 4), other data or encoder than
            the sweep's, or somebody else's model of that name (exit 7), MLflow away or without the cell's
            run (exit 5).
    """
    spec = load_spec(places.spec)
    if trouble := places.check_tracking():
        raise SynaugError(Problem(trouble, fix="start the server, then run this again"), Exit.SERVICE)
    prepared = prepare(spec)
    with Ledger(places.out, spec.name) as ledger:
        before = state(ledger.reading.lines)
        check_same(before, prepared)
        choice = choose(ledger.reading.lines, before, key)
        encoder = _exportable(choice, prepared)
        name = name or spec.name
        with refused_as(Exit.SERVICE):
            registry.require_run(places.tracking_uri, spec.name, choice.key)
        with refused_as(Exit.CONFLICT):
            registry.require_own(places.tracking_uri, name, spec.name)
        final, checked = _train(spec, prepared, encoder, choice, console)
        with tempfile.TemporaryDirectory(prefix="synaug-") as scratch:
            classifier = _classifier(prepared, encoder, final, Path(scratch))
            # A fine-tuned encoder is nowhere else.
            pack = final.encoder is not None or (pack and encoder_bytes(encoder) <= PACKED)
            about = _about(spec, before, choice, final, file_sha256(ledger.path))
            model = _model(classifier, about, Path(scratch), pack)
            files = registry.save_model(model, Path(scratch, "saved"))
            close = max(CLOSE[spec.precision], CLOSE[encoder.dtype])
            apart = _compare(Path(scratch, "saved"), prepared, checked, final, close)
            console.print("uploading …", style="dim")
            with refused_as(Exit.SERVICE):
                registered = registry.register(
                    places.tracking_uri, spec.name, choice.key, name, Path(scratch, "saved"),
                    _tags(about, choice, files), _description(spec, choice, final),
                )  # fmt: skip
        model_line = {
            "name": name,
            "version": registered.version,
            "model_id": registered.model_id,
            "files": files,
        }
        ledger.append("mlflow", {"trial_key": choice.key, "run_id": registered.run_id, "model": model_line})
    label = Entry(cell_of(choice.config, "design", 0, spec.other_encoders), choice.key, choice.config).label
    return Exported(choice, label, final, registered, pack, len(checked), apart)


def load_exported(lines: Sequence[Line], places: Places, folder: Path) -> TextClassifier:
    """Load the model that was exported last, from the registry; runs no code of it.

    Args:
        lines: of the sweep's ledger.
        places: where the sweep lies.
        folder: where its files go; they must stay there while it is used.

    Raises:
        SynaugError: none was exported (exit 2), the registry holds other files than the ledger recorded
            (exit 9), or it does not answer (exit 5).
    """
    models = [line["model"] for line in lines if is_model(line)]
    if not models:
        text = f"no model of {places.out} was exported"
        raise SynaugError(Problem(text, fix=f"synaug export {places.out}"), Exit.USAGE)
    name, number, files = (models[-1][field] for field in ("name", "version", "files"))
    with refused_as(Exit.INTEGRITY):
        return _load(registry.fetch(places.tracking_uri, name, number, folder, files))


def _exportable(choice: Choice, prepared: Prepared) -> Encoder:
    """The encoder of a cell; refuses one that this cannot train again, or that no text can be given to."""
    named = str(choice.config["encoder"])
    encoder = prepared.encoders.get(named)
    here = {"data": prepared.corpus.name}
    if encoder is None:
        here["encoder"] = " or ".join(prepared.encoders)
    problems = [
        Problem(f"not applicable: the cell has the {name} {choice.config[name]!r}, an export takes {value!r}")
        for name, value in here.items()
        if choice.config[name] != value
    ]
    if isinstance(encoder, OwnVectors):
        text = f"not applicable: the cell's {named!r} came with the data, and a model takes texts"
        fix = "sweep the texts with the model that made the vectors, and export that"
        problems.append(Problem(text, fix=fix))
    if problems or not isinstance(encoder, Encoder):
        raise SynaugError(problems, Exit.DATA)
    return encoder


def _train(
    spec: Spec, prepared: Prepared, encoder: Encoder, choice: Choice, console: Console
) -> tuple[Final, list[int]]:
    """Train on all training rows; also positions of rows to check the packed model on."""
    with counted(console, "encoding", "texts") as progress:
        shared = share(prepared, progress, encoder=encoder)
    rows = np.searchsorted(prepared.visible, prepared.split.pool)
    names = {knob.name for knob in METHODS[str(choice.config["arm"])].knobs()}
    method = METHODS[str(choice.config["arm"])](**{k: v for k, v in choice.config.items() if k in names})
    neighbors = max((int(v) for k, v in method.settings().items() if k in ("k", "m")), default=1)
    data = whole(shared.X, shared.y, shared.classes, rows, shared.streams, neighbors, shared.tokens)
    console.print(f"training on {len(rows)} rows …", style="dim", highlight=False)
    options, _ = job_of(spec).trained(str(choice.config["classifier"]))
    final = train_final(method, data, own_options(options, choice.config), choice.steps)
    return final, sorted({int(i) for i in np.linspace(0, len(rows) - 1, CHECKED)})


def _classifier(prepared: Prepared, encoder: Encoder, final: Final, scratch: Path) -> TextClassifier:
    """The trained classifier with its encoder; a fine-tuned one is written to ``scratch``."""
    if final.encoder is not None:
        encoder = save_fine_tuned(final.encoder, encoder, scratch / "fine-tuned")
    return TextClassifier(encoder, prepared.corpus.classes, final.scorer)


def _about(spec: Spec, before: State, choice: Choice, final: Final, ledger: str) -> dict[str, Any]:
    """Where a model comes from; stands in its configuration and, but for counts, in its tags."""
    header = before.header or {}
    return {
        "sweep": spec.name,
        "trial_key": choice.key,
        "config": dict(choice.config),
        "steps": choice.steps,
        "fine_tuned": final.encoder is not None,
        "rows": dict(final.real),
        "synthetic_rows": dict(final.synthetic),
        "spec_hash": spec.hash,
        "data_digest": header.get("data_digest"),
        "encoder_digest": header.get("encoder_digest"),
        "ledger_sha256": ledger,
        "chosen": "on the folds" if choice.among > 1 else "by name",
        "candidates": choice.among,
        "score": str(choice.score),
        "confirmed": None if choice.confirmed is None else str(choice.confirmed),
        "synaug": synaug.__version__,
    }


def _tags(about: Mapping[str, Any], choice: Choice, files: Mapping[str, str]) -> dict[str, str]:
    """Tags of the version in the registry."""
    plain = {k: str(v) for k, v in about.items() if v is not None and not isinstance(v, Mapping)}
    own = {"arm": str(choice.config["arm"]), "cv_score": f"{choice.folds:.4f}"}
    scores = choice.score.tags() | (choice.confirmed.tags() if choice.confirmed else {})
    return plain | own | scores | {"files_sha256": registry.fingerprint(files)}


def _description(spec: Spec, choice: Choice, final: Final) -> str:
    real, made = sum(final.real.values()), sum(final.synthetic.values())
    how = f"the best of {choice.among} cells on the folds" if choice.among > 1 else "named by its key"
    return (
        f"Cell `{choice.key}` of the sweep `{spec.name}`, {how}, trained on all {real} training rows and "
        f"{made} synthetic ones at {rung_of(choice)}. {choice.score}: of models that were trained on the "
        "sweep's draws, not of this one."
    )


def _model(classifier: TextClassifier, about: Mapping[str, Any], scratch: Path, pack: bool) -> CodeModel:
    save(classifier, scratch / "classifier", about)
    artifacts = {"classifier": scratch / "classifier"}
    if pack:
        save_encoder(classifier.encoder, scratch / "encoder")
        artifacts["encoder"] = scratch / "encoder"
    return CodeModel(
        script=SCRIPT,
        code=(Path(synaug.__file__).parent,),
        artifacts=artifacts,
        requirements=tuple(f"{name}=={version(name).partition('+')[0]}" for name in REQUIRED),
        inputs={"text": "string"},
        outputs={"label": "string"} | {f"probability_{name}": "double" for name in classifier.classes},
        example=tuple({"text": text} for text in EXAMPLES),
    )


def _load(folder: Path) -> TextClassifier:
    encoder = folder / "artifacts" / "encoder"
    return load(folder / "artifacts" / "classifier", encoder if encoder.is_dir() else None)


def _compare(folder: Path, prepared: Prepared, checked: list[int], final: Final, close: float) -> float:
    """Largest difference of a probability between the packed model on raw texts and the trained one.

    A model whose scores jump, by votes or thresholds, is compared on the same embeddings, and the
    embeddings of the texts with those.

    Raises:
        SynaugError: it is larger than rounding explains (exit 1): a mistake of ours.
    """
    texts = [prepared.corpus.texts[row] for row in prepared.split.pool[checked]]
    loaded = _load(folder)
    expected, embeddings = softmax(final.logits[checked]), final.embeddings[checked]
    found = loaded.encoder.encode(texts)
    off = float(np.abs(found - embeddings).max() / np.abs(embeddings).max())
    if not final.scorer.smooth:  # another rounding may put a text on the other side of a threshold
        found = embeddings
    apart = float(np.abs(softmax(loaded.scorer.logits(found)) - expected).max())
    if apart > close or off > close:
        text = f"the packed model is {max(apart, off):.3g} off the trained one; please report"
        raise SynaugError(text, Exit.BUG)
    return apart


def rung_of(choice: Choice) -> str:
    """The rung that a cell's model is trained to, in the words of its classifier."""
    return CLASSIFIERS[str(choice.config["classifier"])].rung_text(choice.steps)
