"""The encoders of a spec: what each takes from ``encoder``, and what cells are told apart by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from synaug.models import VECTORS, model_name

from .spec_part import Finding, Part, Text

OF_TEXT = ("pooling", "max_length", "dtype")  # fields of a model that reads texts


class Encoder(Part):
    """What makes embeddings, and how: a model, or ``vectors`` for those that come with the data."""

    model: Text = "minilm"
    pooling: Literal["mean", "cls"] = "mean"
    max_length: Annotated[int, Field(ge=2)] = 128
    normalize: bool = True
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"

    @property
    def own_vectors(self) -> bool:
        """Whether the embeddings come with the data."""
        return self.model == VECTORS

    def named(self, told: Collection[str]) -> str:
        """The model, and those fields of ``told`` that are not as usual: ``minilm/cls/raw``.

        Own vectors that are scaled to length one are ``vectors/unit``.
        """
        usual = _defaults()
        if self.own_vectors:
            return f"{VECTORS}/unit" if self.normalize else VECTORS
        words = {
            "pooling": self.pooling,
            "normalize": "raw",
            "max_length": str(self.max_length),
            "dtype": self.dtype,
        }
        unusual = [name for name in words if name in told and getattr(self, name) != usual[name]]
        return "/".join([model_name(self.model), *(words[name] for name in unusual)])


def names_of(encoders: Sequence[Encoder]) -> tuple[str, ...]:
    """What the cells of each encoder are told apart by; folders of one name are numbered.

    Settings that all models share are left out, so that the cells of a sweep of one encoder are called as
    they always were.
    """
    models = [encoder for encoder in encoders if not encoder.own_vectors]
    told = [name for name in Encoder.model_fields if len({getattr(model, name) for model in models}) > 1]
    names = [encoder.named(told) for encoder in encoders]
    counts = Counter(names)
    return tuple(
        f"{name}#{names[: i + 1].count(name)}" if counts[name] > 1 else name for i, name in enumerate(names)
    )


def write_out_encoders(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Write out what a spec says of its encoders in short.

    Each of ``encoders`` takes what it does not say from ``encoder``, which becomes the first of them; a
    model alone is one with these settings. Own vectors take no settings of a text model, and are left as
    they are where ``normalize`` is nowhere set. What is wrong stays as it came, for the models to refuse.

    Returns:
        The spec, and what is wrong between its fields.
    """
    single = {} if raw.get("encoder") is None else raw["encoder"]
    listed = raw.get("encoders")
    if not isinstance(listed, list | tuple) or not listed or not isinstance(single, Mapping):
        own: list[tuple[tuple[str | int, ...], Any]] = [(("encoder",), single)]
        written = {**raw, "encoder": _written(single, {})}
    else:
        own = [(("encoders", i), _named(entry)) for i, entry in enumerate(listed)]
        entries = [_written(entry, single) for _, entry in own]
        written = {**raw, "encoder": entries[0], "encoders": entries if len(entries) > 1 else []}
    made = written.get("encoders") or [written["encoder"]]
    return written, _problems(raw, own, made if isinstance(made, list) else [])


def _named(entry: Any) -> Any:
    return {"model": entry} if isinstance(entry, str) else entry


def _written(own: Any, base: Mapping[str, Any]) -> Any:
    if not isinstance(own, Mapping):
        return own
    entry = {**base, **own}
    if entry.get("model") != VECTORS:
        return entry
    return {"normalize": False} | {k: v for k, v in entry.items() if k in own or k not in OF_TEXT}


def _problems(
    raw: Mapping[str, Any], own: Sequence[tuple[tuple[str | int, ...], Any]], made: Sequence[Any]
) -> list[Finding]:
    data = raw.get("data") if isinstance(raw.get("data"), Mapping) else {}
    named = [name for name in ("vector_col", "vector_file") if (data or {}).get(name) is not None]
    usual, found = _defaults(), []
    wanted = [isinstance(entry, Mapping) and entry.get("model") == VECTORS for entry in made]
    for (keys, entry), vectors in zip(own, wanted, strict=False):
        if vectors and not named:
            fix = "set data.vector_col to a column of lists of numbers, or data.vector_file to an npy file"
            found.append(Finding((*keys, "model"), "'vectors' are those of the data, which name none", fix))
        for name in OF_TEXT:
            if vectors and name in entry and entry[name] != usual[name]:
                text = f"expected none for vectors, which no model makes from texts, got {entry[name]!r}"
                found.append(Finding((*keys, name), text, "leave it out"))
    if named and not any(wanted):
        fix = "set encoder.model to vectors, or leave this out"
        found.append(Finding(("data", named[0]), "no encoder of the sweep takes these vectors", fix))
    return found


def _defaults() -> dict[str, Any]:
    return {name: field.default for name, field in Encoder.model_fields.items()}
