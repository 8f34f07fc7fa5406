"""Texts to embeddings through transformers: batched by length, in bfloat16 where the machine has it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import Exit, Problem, SynaugError
from .facts import remembered
from .knobs import Choice, Int, knob, knob_problems, knobs_of
from .models import fingerprint, locate
from .processor import instruction_sets, may_have_gpu

if TYPE_CHECKING:
    import torch

Progress = Callable[[int, int], None]  # texts done, texts in all
SIMILAR = 0.7  # share of the longest text's length that another one in its batch has at least


@dataclass(frozen=True)
class EncoderOptions:
    """Which model makes the embeddings, and how.

    Construction checks the values and raises SynaugError (exit 3) with all problems at once.

    Attributes:
        model: "minilm", which is installed with this package; a local folder; or a name on the
            Hugging Face hub, with ``@revision`` to pin it.
    """

    model: str = "minilm"
    pooling: str = knob("mean", Choice("mean", "cls"), "mean of the tokens, or the first token")
    max_length: int = knob(128, Int(3), "tokens of a text that are read, special ones included")
    normalize: bool = knob(True, Choice(True, False), "scale each embedding to length one")
    dtype: str = knob("auto", Choice("auto", "float32", "bfloat16"), "auto: bfloat16 where it is fast")
    batch_size: int = knob(64, Int(1), "texts that pass the model together")

    def __post_init__(self) -> None:
        values = {k.name: getattr(self, k.name) for k in knobs_of(type(self))}
        problems = [
            Problem(f"encoder.{name}: {text}", code="D48") for name, text in knob_problems(type(self), values)
        ]
        if problems:
            raise SynaugError(problems, Exit.SPEC)


@dataclass(frozen=True)
class Encoder:
    """A model that is known and in place; its weights are loaded with the first text.

    Attributes:
        name: "minilm", the folder's name, or the name on the hub.
        folder: where the model lies.
        digest: sha256 over the model's files and everything that changes the numbers, hexadecimal.
        dimensions: length of an embedding.
        dtype: "float32" or "bfloat16", what the model computes in; embeddings are float32.
        options: as given.
    """

    name: str
    folder: Path
    digest: str
    dimensions: int
    dtype: str
    options: EncoderOptions

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> npt.NDArray[np.float32]:
        """Embed texts, in the order given (n, d).

        Args:
            texts: the texts; an empty one is embedded like any other.
            progress: called after each batch.

        Raises:
            SynaugError: exit 3 where the model gives numbers that are not finite.
        """
        import torch

        tokens = self.token_ids(texts)
        done = 0
        embeddings = np.empty((len(texts), self.dimensions), dtype=np.float32)
        with torch.inference_mode():
            for batch in batches([len(ids) for ids in tokens], self.options.batch_size):
                embeddings[batch] = self._embed([tokens[i] for i in batch]).cpu().numpy()
                done += len(batch)
                if progress is not None:
                    progress(done, len(texts))
        if not np.isfinite(embeddings).all():
            fix = "set encoder.dtype to float32, or take another model"
            problem = Problem(
                "the model gives numbers that are not finite", f"encoder {self.name}", fix, "D60"
            )
            raise SynaugError(problem, Exit.SPEC)
        return embeddings

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """What the model reads of each text: its tokens up to ``max_length``, special ones included."""
        return self._tokens(texts, self.options.max_length)

    def cut_texts(self, texts: Sequence[str]) -> int:
        """Count the texts that are longer than ``max_length`` tokens, so that their end is not read."""
        limit = self.options.max_length
        return sum(len(ids) > limit for ids in self._tokens(texts, limit + 1))

    def _tokens(self, texts: Sequence[str], limit: int) -> list[list[int]]:
        if not texts:
            return []
        encoding = self._tokenizer(
            list(texts), truncation=True, max_length=limit, return_attention_mask=False
        )
        ids: list[list[int]] = encoding["input_ids"]
        return ids

    def _embed(self, tokens: list[list[int]]) -> torch.Tensor:
        """Embed one batch: padded to its longest text, pooled in float32 (b, d)."""
        import torch

        longest = max(map(len, tokens))
        pad = self.pad_token
        ids = torch.tensor([row + [pad] * (longest - len(row)) for row in tokens], device=self._device)
        mask = torch.tensor(
            [[1] * len(row) + [0] * (longest - len(row)) for row in tokens], device=self._device
        )
        hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.pool(hidden, mask)

    def pool(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Embeddings (b, d), float32, from the last layer (b, t, d) and the mask (b, t)."""
        import torch

        hidden = hidden.float()
        if self.options.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return torch.nn.functional.normalize(pooled) if self.options.normalize else pooled

    @property
    def pad_token(self) -> int:
        """What fills a short text up; the mask hides it."""
        return int(self._tokenizer.pad_token_id or 0)

    @cached_property
    def _device(self) -> str:
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        with _loading(self.folder):
            return AutoTokenizer.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)

    @cached_property
    def _model(self) -> Any:
        return self.load(self.dtype).to(self._device)

    def load(self, dtype: str) -> Any:
        """The model with its weights, one of one's own at every call, on the processor, without dropout."""
        import torch
        from transformers import AutoModel

        with _loading(self.folder):
            model, report = AutoModel.from_pretrained(
                self.folder,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                dtype=getattr(torch, dtype),
                output_loading_info=True,
            )
            # The library fills gaps with random weights. The pooler is not used here and often absent.
            absent = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
            if absent:
                raise ValueError(f"{len(absent)} weights are not in the file, the first is {absent[0]}")
        return model.eval()


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Cut texts into batches, longest first, so that memory fails early.

    A batch ends where a text is much shorter than its first: all are padded to that one's length.

    Args:
        lengths: of the texts.
        most: texts in a batch.
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) == most or lengths[i] < SIMILAR * lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def open_encoder(options: EncoderOptions | None = None) -> Encoder:
    """Find a model and say what it will give; no weights are loaded yet.

    Raises:
        SynaugError: exit 5 where the model is not on this machine and no hub answers (in under 10 s);
            exit 3 for a folder or options that do not fit; exit 9 for packaged weights that differ.
    """
    options = options or EncoderOptions()
    name, folder = locate(options.model)
    weights = fingerprint(folder)
    facts = remembered("encoder", [weights, version("transformers")], lambda: _facts(folder), _are_facts)
    longest = facts["longest"] or options.max_length
    problems = []
    if options.max_length > longest:
        problems.append(
            Problem(
                f"encoder.max_length: the model reads at most {longest} tokens, got {options.max_length}",
                str(folder),
                f"set encoder.max_length to {longest} or less",
                "D60",
            )
        )
    if facts["decoder"]:
        problems.append(
            Problem(
                "encoder.model: expected an encoder, got an encoder with decoder",
                str(folder),
                "give a model such as minilm or bert-base-uncased",
                "D60",
            )
        )
    if problems:
        raise SynaugError(problems, Exit.SPEC)
    dtype = fast_dtype() if options.dtype == "auto" else options.dtype
    made_by = (weights, options.pooling, options.max_length, options.normalize, dtype)
    digest = hashlib.sha256(json.dumps(made_by).encode()).hexdigest()
    return Encoder(name, folder, digest, int(facts["dimensions"]), dtype, options)


def fast_dtype() -> str:
    """Return "bfloat16" where this machine's GPU, or else its processor, computes in it; else "float32"."""
    if may_have_gpu():
        import torch

        if torch.cuda.is_available():
            return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if instruction_sets() & {"amx_bf16", "avx512_bf16"} else "float32"


def _facts(folder: Path) -> dict[str, Any]:
    """What the configuration of a model tells: transformers knows its names of it."""
    from transformers import AutoConfig

    with _loading(folder):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return {
            "longest": getattr(config, "max_position_embeddings", None),
            "decoder": bool(getattr(config, "is_encoder_decoder", False)),
            "dimensions": int(config.hidden_size),
        }


def _are_facts(kept: Any) -> bool:
    return isinstance(kept, dict) and set(kept) == {"longest", "decoder", "dimensions"}


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    """Keep the library's progress bars off the terminal; say which folder it cannot load."""
    from safetensors import SafetensorError
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        fix = "give a model that transformers loads from safetensors without code of its own"
        problem = Problem(f"encoder.model: cannot be loaded: {reason[0]}", str(folder), fix, "D60")
        raise SynaugError(problem, Exit.SPEC) from error
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
