"""The fields of a sweep's spec, their defaults and their limits."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from synaug.knobs import Value
from synaug.methods import METHODS

from .canonical import sha256
from .comparisons import FAMILIES, MARGIN, check_families
from .spec_yaml import dump

NAME = r"^[a-z0-9][a-z0-9._-]{0,62}$"
LADDER = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)

# What a run may change when it goes on; everything else makes it another sweep.
UNHASHED: Mapping[str, Any] = {
    "name": True,
    "limits": True,
    "log_examples": True,
    "replicates": True,
    "search": {"trials"},
    "confirm": {"replicates"},
}

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """Base of all parts of a spec: unknown fields are refused, nothing changes after checking."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Part):
    """Where the texts come from; ``rename`` maps labels before anything else, absent ones ignored."""

    source: Text = "builtin"
    text_col: Text = "text"
    label_col: Text = "label"
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


class Encoder(Part):
    """The model that makes embeddings, and how."""

    model: Text = "minilm"
    pooling: Literal["mean", "cls"] = "mean"
    max_length: Annotated[int, Field(ge=2)] = 128
    normalize: bool = True
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"


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


class Classifier(Part):
    """The classifier and its budget ladder; ``steps`` is a rung, or ``folds``: the folds choose."""

    name: Literal["mlp"] = "mlp"
    hidden: Count = 128
    ladder: Annotated[tuple[Count, ...], Field(min_length=1)] = LADDER
    steps: Literal["folds"] | int = "folds"
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    init: Literal["torch", "glorot"] = "torch"

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


Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class Robustness(Part):
    """Sobol points over the classifier's settings, on log scales; every arm's default runs at each.

    The number of points is a power of 2, or 0 for none.
    """

    points: Annotated[int, Field(ge=0, le=1024)] = 0
    learning_rate: Range = (0.001, 0.1)
    weight_decay: Range = (1e-6, 1e-2)
    hidden: Range = (32, 512)

    @field_validator("points")
    @classmethod
    def _balanced(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("expected a power of 2, as Sobol points are even only then")
        return value

    @field_validator("learning_rate", "weight_decay", "hidden")
    @classmethod
    def _ascending(cls, value: Range) -> Range:
        if value[0] >= value[1]:
            raise ValueError("expected the lower end first")
        return value


class Search(Part):
    """TPE trials for each arm that has swept knobs, after the design.

    With ``race`` such a cell is given up after ``RACE_AFTER`` replicates when it is worse than the arm's
    best so far, by a paired test.
    """

    trials: Annotated[int, Field(ge=0)] = 0
    startup: Count = 4
    race: bool = False


class Confirm(Part):
    """Draws that no search has seen, for the arms' defaults and the cells that the folds found best."""

    replicates: Annotated[int, Field(ge=0)] = 0


class Test(Part):
    """Which cells read the test part, declared before the run."""

    __test__ = False  # not a test case

    cells: Literal["all"]


class Limits(Part):
    """When a sweep stops early: share of failed cells, and time in seconds or such as ``2h30m``."""

    max_failed: Annotated[float, Field(ge=0, le=1)] = 0.25
    max_time: Annotated[float, Field(gt=0)] | None = None

    @field_validator("max_time", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
        pattern = "".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit, _ in units)
        match = re.fullmatch(pattern, value.replace(" ", ""))
        if match is None or not any(match.groups()):
            raise ValueError("expected seconds or a duration such as 2h30m")
        pairs = zip(match.groups(), units, strict=True)
        return sum(float(n) * seconds for n, (_, seconds) in pairs if n)


class Spec(Part):
    """A sweep, resolved: every default written out, arms in registry order, levels checked.

    Attributes:
        sizes: pairs of a majority and a minority size, none larger than the draw's: every arm's default
            also runs on so many of the draw's rows.
        controls: A/A clones of ``none`` and of one arm with synthetic rows, which differ from their cell
            in random numbers alone.
    """

    version: Literal[1] = Field(default=1, alias="schema")
    name: Annotated[str, Field(pattern=NAME)]
    data: Data = Data()
    encoder: Encoder = Encoder()
    imbalance: Imbalance = Natural()
    folds: Annotated[int, Field(ge=2)] = 10
    replicates: Count = 5
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    classifier: Classifier = Classifier()
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

    @field_validator("families")
    @classmethod
    def _declared(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        check_families(value, METHODS.names())
        return value

    def hashed(self) -> dict[str, Any]:
        """Return what the hash covers: all but what a run may change when it goes on."""
        return self.model_dump(mode="json", by_alias=True, exclude=dict(UNHASHED))

    @property
    def hash(self) -> str:
        """The sha256 of what may not change when a run goes on, 64 hexadecimal digits."""
        return sha256(self.hashed())

    def to_yaml(self) -> str:
        """Write the spec as YAML that loads to an equal spec."""
        return dump(self.model_dump(mode="json", by_alias=True))
