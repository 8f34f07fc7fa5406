"""The fields of a sweep's spec, their defaults and their limits."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from synaug.knobs import Value
from synaug.methods import METHODS

from .canonical import sha256
from .comparisons import FAMILIES, MARGIN, check_families
from .spec_classifier import DEFAULT, MODELS, AnyClassifier, Classifier
from .spec_encoders import Encoder, names_of
from .spec_part import Count, Part, Text
from .spec_stages import Confirm, Limits, Robustness, Search, Test
from .spec_yaml import dump

NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"

# What a run may change when it goes on; everything else makes it another sweep.
UNHASHED: Mapping[str, Any] = {
    "name": True,
    "limits": True,
    "log_examples": True,
    "diagnostics": True,
    "replicates": True,
    "search": {"trials"},
    "confirm": {"replicates"},
}

Share = Annotated[float, Field(gt=0, lt=1)]


class Data(Part):
    """Where the texts come from; ``rename`` maps labels before anything else, absent ones ignored."""

    source: Text = "builtin"
    text_col: Text = "text"
    label_col: Text = "label"
    vector_col: Text | None = None
    vector_file: Text | None = None
    encoding: str = "utf-8"
    classes: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    rename: dict[str, str] = Field(default_factory=dict)
    drop_missing: bool = False
    allow_empty: bool = False
    min_class_count: Count = 2

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except (LookupError, ValueError):
            raise ValueError("expected an encoding such as utf-8 or latin-1") from None
        return value


class _Imbalance(Part):
    dev_per_class: Count = 500
    test_share: Share = 0.2


class Natural(_Imbalance):
    """The data as they are."""

    kind: Literal["natural"] = "natural"


class _Drawn(_Imbalance):
    """Rows drawn per class; the smallest size as a count or by the ratio to the largest."""

    n_majority: Annotated[int, Field(ge=2)]
    n_minority: Annotated[int, Field(ge=2)] | None = None
    ratio: Annotated[float, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_size(self) -> _Drawn:
        if (self.n_minority is None) == (self.ratio is None):
            raise ValueError("expected one of n_minority and ratio")
        if not 2 <= self.minority_size <= self.n_majority:
            raise ValueError(f"expected 2 to n_majority rows of the smallest class, got {self.minority_size}")
        return self

    @property
    def minority_size(self) -> int:
        """Rows of a smallest class in one draw."""
        if self.n_minority is not None:
            return self.n_minority
        assert self.ratio is not None
        return round(self.n_majority / self.ratio)


class Minority(_Drawn):
    """The named classes are small, all others large."""

    kind: Literal["minority"]
    minority: Annotated[tuple[str, ...], Field(min_length=1)]


class Step(_Drawn):
    """A share of the classes, the last in sorted order, is small."""

    kind: Literal["step"]
    minority_share: Share


class LongTail(_Imbalance):
    """Sizes fall exponentially over the classes in sorted order, by ``ratio`` from end to end."""

    kind: Literal["long_tail"]
    n_majority: Annotated[int, Field(ge=2)]
    ratio: Annotated[float, Field(ge=1)]

    @model_validator(mode="after")
    def _tail_has_rows(self) -> LongTail:
        if self.n_majority < 2 * self.ratio:
            raise ValueError("expected a ratio that leaves the smallest class 2 rows or more")
        return self


IMBALANCES: Mapping[str, type[_Imbalance]] = {
    "natural": Natural,
    "minority": Minority,
    "step": Step,
    "long_tail": LongTail,
}
Imbalance = Annotated[Natural | Minority | Step | LongTail, Field(discriminator="kind")]


class Spec(Part):
    """A sweep, resolved: every default written out, arms in registry order, levels checked.

    Attributes:
        encoder_design: which cells of the design the encoders after the first have: all, or every arm's
            default.
        sizes: pairs of a majority and a minority size, none larger than the draw's: every arm's default
            also runs on so many of the draw's rows.
        controls: A/A clones of ``none`` and of one arm with synthetic rows, which differ from their cell
            in random numbers alone.
        diagnostics: look at the synthetic rows of every cell; changes no score.
    """

    version: Literal[1] = Field(default=1, alias="schema")
    name: Annotated[str, Field(pattern=NAME)]
    data: Data = Data()
    encoder: Encoder = Encoder()
    encoders: tuple[Encoder, ...] = ()  # all of them where there are several, ``encoder`` first
    encoder_design: Literal["all", "defaults"] = "all"
    imbalance: Imbalance = Natural()
    folds: Annotated[int, Field(ge=2)] = 10
    replicates: Count = 5
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    classifier: AnyClassifier = MODELS[DEFAULT].model_validate({})
    classifiers: tuple[AnyClassifier, ...] = ()  # all of them where there are several, ``classifier`` first
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: measured before the first cell
    arms: Annotated[tuple[str, ...], Field(min_length=1)]
    design: Literal["defaults", "one_factor", "factorial"] = "one_factor"
    space: dict[str, tuple[Value, ...]] = Field(default_factory=dict)
    sizes: tuple[tuple[Count, Count], ...] = ()
    controls: Annotated[int, Field(ge=0, le=9)] = 2
    robustness: Robustness = Robustness()
    search: Search = Search()
    confirm: Confirm = Confirm()
    test: Test | None = None
    margin: Annotated[float, Field(gt=0)] = MARGIN  # points that count as a difference that matters
    families: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        default_factory=lambda: dict(FAMILIES)
    )
    limits: Limits = Limits()
    diagnostics: bool = True
    log_examples: Annotated[int, Field(ge=0)] = 0

    @field_validator("sizes")
    @classmethod
    def _within_a_draw(
        cls, value: tuple[tuple[int, int], ...], info: ValidationInfo
    ) -> tuple[tuple[int, int], ...]:
        drawn = info.data.get("imbalance")  # absent when it is itself wrong
        if value and drawn is not None and not isinstance(drawn, _Drawn):
            raise ValueError("expected none where imbalance is not of kind minority or step")
        if isinstance(drawn, _Drawn):
            for large, small in value:
                if not 2 <= small <= min(large, drawn.minority_size) or large > drawn.n_majority:
                    most = f"{drawn.n_majority} and {drawn.minority_size}"
                    raise ValueError(f"expected pairs of a majority and a minority of at most {most} rows")
        if len(set(value)) < len(value):
            raise ValueError("expected every pair once")
        return value

    @field_validator("robustness")
    @classmethod
    def _of_the_network(cls, value: Robustness, info: ValidationInfo) -> Robustness:
        classifier = info.data.get("classifier")  # absent when it is itself wrong
        if value.points and classifier is not None and classifier.name != "mlp":
            raise ValueError("expected 0 points where the (first) classifier is not mlp")
        return value

    @field_validator("confirm")
    @classmethod
    def _can_draw(cls, value: Confirm, info: ValidationInfo) -> Confirm:
        if value.replicates and isinstance(info.data.get("imbalance"), Natural):
            raise ValueError("expected 0 replicates, as natural imbalance takes all rows in every draw")
        return value

    @field_validator("name")
    @classmethod
    def _no_way_up(cls, value: str) -> str:
        if ".." in value:
            raise ValueError("expected a name without '..'")
        return value

    @field_validator("encoders")
    @classmethod
    def _each_encoder_once(cls, value: tuple[Encoder, ...]) -> tuple[Encoder, ...]:
        if len(set(value)) < len(value):
            raise ValueError("expected each encoder once")
        return value

    @property
    def every_encoder(self) -> tuple[Encoder, ...]:
        """The encoders that the design is run for; ``encoder`` is the first."""
        return self.encoders or (self.encoder,)

    @property
    def encoder_names(self) -> tuple[str, ...]:
        """What configurations call the encoders where there are several."""
        return names_of(self.every_encoder)

    @property
    def other_encoders(self) -> tuple[str, ...]:
        """What configurations call the encoders after the first."""
        return self.encoder_names[1:]

    @field_validator("classifiers")
    @classmethod
    def _each_once(cls, value: tuple[Classifier, ...]) -> tuple[Classifier, ...]:
        names = [classifier.name for classifier in value]
        if len(set(names)) < len(names):
            raise ValueError("expected each classifier once")
        return value

    @property
    def every_classifier(self) -> tuple[Classifier, ...]:
        """The classifiers that every cell of the design is run for; ``classifier`` is the first."""
        return self.classifiers or (self.classifier,)

    def classifier_named(self, name: str) -> Classifier:
        """One of the sweep's classifiers."""
        return next(classifier for classifier in self.every_classifier if classifier.name == name)

    @field_validator("families")
    @classmethod
    def _declared(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        check_families(value, METHODS.names())
        return value

    def hashed(self) -> dict[str, Any]:
        """Return what the hash covers: all but what a run may change when it goes on."""
        return self.model_dump(mode="json", by_alias=True, exclude={**UNHASHED, **self._unsaid})

    @property
    def _unsaid(self) -> dict[str, Any]:
        """Fields that a spec has always meant by not having them."""
        fields = {"classifiers": self.classifiers, "encoders": self.encoders, "encoder_design": self.encoders}
        data = {name for name in ("vector_col", "vector_file") if getattr(self.data, name) is None}
        return {"data": data} | {name: True for name, said in fields.items() if not said}

    @property
    def hash(self) -> str:
        """The sha256 of what may not change when a run goes on, 64 hexadecimal digits."""
        return sha256(self.hashed())

    def to_yaml(self) -> str:
        """Write the spec as YAML that loads to an equal spec."""
        return dump(self.model_dump(mode="json", by_alias=True, exclude=self._unsaid))
