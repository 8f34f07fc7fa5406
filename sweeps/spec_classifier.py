"""The classifiers of a spec: one model each, made from what the classifier declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union

from pydantic import Field, ValidationInfo, create_model, field_validator

from synaug.classifiers import CLASSIFIERS
from synaug.classifiers import Classifier as Options
from synaug.knobs import Choice, Domain, Int

from .spec_part import Count, Part

DEFAULT = "mlp"

Ladder = Annotated[tuple[Count, ...], Field(min_length=1)]


class Classifier(Part):
    """A classifier and its ladder; ``steps`` is a rung, or ``folds``: the folds choose."""

    name: str
    ladder: Ladder
    steps: Literal["folds"] | int = "folds"

    @field_validator("ladder")
    @classmethod
    def _climbs(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("expected step counts that increase from rung to rung")
        return value

    @field_validator("steps", mode="before")
    @classmethod
    def _rung(cls, value: object, info: ValidationInfo) -> object:
        ladder = info.data.get("ladder")  # absent when it is itself wrong
        if value != "folds" and (isinstance(value, bool) or (ladder and value not in ladder)):
            rungs = ", ".join(map(str, ladder or ()))
            raise ValueError(f"expected 'folds' or a rung of the ladder ({rungs})")
        return value

    def options(self, precision: str) -> Options:
        """The classifier with its knobs set."""
        return CLASSIFIERS[self.name](precision=precision, **self.model_dump(exclude={"name", "steps"}))


def _model(name: str) -> type[Classifier]:
    """The part of a spec that sets one classifier: its ladder and its knobs, with their domains."""
    kind = CLASSIFIERS[name]
    knobs = {knob.name: (_annotation(knob.domain), knob.default) for knob in kind.knobs()}
    fields: dict[str, Any] = {
        "name": (Literal[(name,)], name),
        "ladder": (Ladder, kind.ladder),
        **knobs,
    }
    return create_model(kind.__name__, __base__=Classifier, __doc__=kind.__doc__, **fields)


def _annotation(domain: Domain) -> Any:
    if isinstance(domain, Choice):
        return Literal[domain.options]
    limits = Field(ge=domain.low, le=domain.high)
    return Annotated[int, limits] if isinstance(domain, Int) else Annotated[float, limits]


MODELS: Mapping[str, type[Classifier]] = {name: _model(name) for name in CLASSIFIERS}

if TYPE_CHECKING:
    AnyClassifier = Classifier
else:
    AnyClassifier = Annotated[Union[tuple(MODELS.values())], Field(discriminator="name")]  # noqa: UP007


def name_classifiers(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Write out what a spec says of its classifiers in short.

    A name alone is a classifier with its defaults; ``classifier`` without one is the default's. Of
    ``classifiers``, the name that ``classifier`` has too takes its settings from there; ``classifier``
    becomes the first of them. What is wrong stays as it came, for the models to refuse.
    """
    single = _named({} if raw.get("classifier") is None else raw["classifier"], DEFAULT)
    listed = raw.get("classifiers")
    if listed is None or listed == []:
        return {**raw, "classifier": single}
    if not isinstance(listed, list | tuple):
        return {**raw, "classifier": single}
    own = single.get("name") if isinstance(single, Mapping) else None
    entries = [single if entry == own else _named(entry, None) for entry in listed]
    return {**raw, "classifier": entries[0], "classifiers": entries if len(entries) > 1 else []}


def _named(entry: Any, default: str | None) -> Any:
    if isinstance(entry, str):
        return {"name": entry}
    if isinstance(entry, Mapping) and default is not None:
        return {"name": default, **entry}
    return entry
