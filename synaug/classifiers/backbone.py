"""What a head stands on: embeddings that stay as they are, or an encoder whose last layers are trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..encoders import Encoder
from ..errors import Exit, Problem, SynaugError
from ..tokens import Tokens
from .base import F32

Codes = npt.NDArray[np.int64]

TOKENS_AT_ONCE = 4096  # padding included: bounds the memory of a pass, forth and back
CACHED_BYTES = 512 << 20  # of what the frozen layers say; the texts that do not fit pass them every time


class Backbone(Protocol):
    """Gives the embeddings of rows by their positions."""

    def embed(self, rows: Codes) -> torch.Tensor:
        """Embeddings (b, d), float32; gradients flow back from them to what is trained."""

    def batches(self, rows: Codes) -> list[Codes]:
        """Places in ``rows``, cut into what passes at once."""

    def parameters(self) -> list[nn.Parameter]:
        """What is trained."""

    def reset(self) -> None:
        """Go back to the weights of the start."""


class FixedRows:
    """Embeddings that nothing trains.

    Args:
        X: the embeddings (n, d).
        device: of torch.
    """

    def __init__(self, X: F32, device: str):
        self._X = torch.from_numpy(np.array(X)).to(device)

    def embed(self, rows: Codes) -> torch.Tensor:
        """The rows as they are."""
        return self._X[torch.from_numpy(rows).to(self._X.device)]

    def batches(self, rows: Codes) -> list[Codes]:
        """All at once."""
        return [np.arange(len(rows))]

    def parameters(self) -> list[nn.Parameter]:
        """None."""
        return []

    def reset(self) -> None:
        """Nothing has changed."""


class TrainedEncoder:
    """An encoder whose last layers are trained, in float32, without dropout.

    What the frozen layers below say of a text never changes, so it is computed once and kept, as far as
    ``CACHED_BYTES`` go. With all layers trained, the embeddings of the tokens are trained too.

    Args:
        tokens: of the texts.
        layers: how many of the last layers are trained, at least one.
        precision: of the large products, "float32" or "bfloat16".
        device: of torch.

    Raises:
        SynaugError: the encoder is not here (exit 3 or 5), or it is not made of layers (exit 3).
    """

    def __init__(self, tokens: Tokens, layers: int, precision: str, device: str):
        self.encoder, self._tokens, self._device = tokens.open(), tokens, device
        self._precision: torch.dtype = getattr(torch, precision)
        self._filler = self.encoder.pad_token
        self.model = self.encoder.load("float32").to(device)
        self._holder, self._name, blocks = layers_of(self.model, self.encoder)
        frozen = max(0, len(blocks) - layers)
        self.model.requires_grad_(frozen == 0)
        for block in blocks[frozen:]:
            block.requires_grad_(True)
        self._trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self._start = [parameter.detach().clone() for parameter in self._trained]
        self._all, self._ends = blocks, tokens.ends[:0]
        self._kept = torch.empty(0)
        if frozen:
            self._tap, self._last = _Tap(), blocks[frozen:]
            blocks[frozen].register_forward_pre_hook(self._tap, with_kwargs=True)
            self._keep(blocks[: frozen + 1])

    def parameters(self) -> list[nn.Parameter]:
        """Those of the last layers."""
        return self._trained

    def reset(self) -> None:
        """Go back to the weights of the start."""
        with torch.no_grad():
            for parameter, start in zip(self._trained, self._start, strict=True):
                parameter.copy_(start)

    def batches(self, rows: Codes) -> list[Codes]:
        """Places in ``rows`` of texts of similar length, so many that they fit."""
        return list(by_length(self._tokens.lengths[rows]))

    def embed(self, rows: Codes) -> torch.Tensor:
        """Embed texts as the encoder's options say."""
        ids, mask = self._padded(rows)
        if not len(self._ends) or rows.max() >= len(self._ends):
            return self.encoder.pool(self._said(ids, mask), mask)
        self._use(self._last)
        self._tap.given = self._recalled(rows, mask)
        hidden = self._said(ids, mask)
        self._tap.given = None
        self._use(self._all)
        return self.encoder.pool(hidden, mask)

    def _use(self, blocks: nn.ModuleList) -> None:
        setattr(self._holder, self._name, blocks)

    def _padded(self, rows: Codes) -> tuple[torch.Tensor, torch.Tensor]:
        ids, mask = self._tokens.padded(rows, self._filler)
        return torch.from_numpy(ids).to(self._device), torch.from_numpy(mask).to(self._device)

    def _said(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        rounded = self._precision != torch.float32
        with torch.autocast(self._device.partition(":")[0], self._precision, enabled=rounded):
            hidden: torch.Tensor = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return hidden

    def _keep(self, below: nn.ModuleList) -> None:
        """Let the first texts, so many as fit, pass the frozen layers, and keep what these say."""
        wide = 4 * int(self.model.config.hidden_size)
        fit = int(np.searchsorted(self._tokens.ends, CACHED_BYTES // wide, side="right"))
        self._ends = self._tokens.ends[:fit]
        if not fit:
            return
        self._kept = torch.empty(int(self._ends[-1]), wide // 4, device=self._device)
        self._use(below)
        with torch.no_grad():
            for batch in self.batches(np.arange(fit)):
                ids, mask = self._padded(batch)
                self._said(ids, mask)
                self._kept[self._places(batch)] = self._tap.seen[mask.bool()].float()
        self._use(self._all)

    def _places(self, rows: Codes) -> torch.Tensor:
        """Where the tokens of some texts lie in what is kept."""
        lengths = self._tokens.lengths[rows]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        starts = np.repeat(self._ends[rows] - lengths, lengths)
        return torch.from_numpy(starts + within).to(self._device)

    def _recalled(self, rows: Codes, mask: torch.Tensor) -> torch.Tensor:
        """What the frozen layers say of some texts (b, t, d); zeros where the mask hides it."""
        found = self._kept.new_zeros(*mask.shape, self._kept.shape[1])
        found[mask.bool()] = self._kept[self._places(rows)]
        return found


class _Tap:
    """Stands before a layer: keeps what comes in, or puts something else in its place."""

    def __init__(self) -> None:
        self.given: torch.Tensor | None = None
        self.seen = torch.empty(0)

    def __call__(
        self, layer: nn.Module, given: tuple[Any, ...], settings: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What the layer gets instead of what it was given."""
        hidden, *others = given
        self.seen = hidden
        return (hidden if self.given is None else self.given, *others), settings


def layers_of(model: nn.Module, encoder: Encoder) -> tuple[nn.Module, str, nn.ModuleList]:
    """The layers of a transformer, and where they stand: their parent and their name there.

    Raises:
        SynaugError: the model has no list of so many layers as its configuration says (exit 3).
    """
    config: Any = model.config
    number = getattr(config, "num_hidden_layers", None)
    for path, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) == number:
            holder, _, name = path.rpartition(".")
            return model.get_submodule(holder), name, module
    text = f"encoder.model: expected a transformer with a list of {number} layers, got {config.model_type}"
    fix = "take another encoder, or leave the classifier transformer out"
    raise SynaugError(Problem(text, str(encoder.folder), fix), Exit.SPEC)


def off_by(encoder: TrainedEncoder, X: F32) -> float:
    """Largest distance of an embedding of its texts from X (n, d), in shares of the length of the latter."""
    with torch.no_grad():
        found = encoder.embed(np.arange(len(X))).cpu().numpy()
    return float((np.linalg.norm(found - X, axis=1) / np.linalg.norm(X, axis=1)).max())


def by_length(lengths: Codes) -> Iterator[Codes]:
    """Cut texts into batches, longest first, of at most ``TOKENS_AT_ONCE`` tokens, or one text."""
    order, start = np.argsort(-lengths, kind="stable"), 0
    while start < len(order):
        several = max(1, TOKENS_AT_ONCE // max(1, int(lengths[order[start]])))
        yield order[start : start + several]
        start += several
