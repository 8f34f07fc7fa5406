"""Plans: the cells of a design, in the order in which they run, and the keys that name them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal

from synaug.classifiers import CLASSIFIERS
from synaug.knobs import Value
from synaug.methods import METHODS, Method

from .canonical import canonical_json, sha256
from .space import Settings, arm_levels, defaults, settings_of
from .spec_classifier import DEFAULT
from .spec_model import Spec

Stage = Literal["design", "control", "robustness", "exploit", "confirm"]
_Point = tuple[str, Settings]  # an arm and its knobs

BASE_FIELDS = ("data", "encoder", "classifier", "steps", "arm")  # of a config; the rest are knobs and extras
EXTRAS = ("nuisance", "draws", "imbalance")  # and what has a dot: settings of the classifier
CONFIRM = "confirm"
SOBOL = (2, 7)  # names the random numbers of the robustness block


def is_extra(name: str) -> bool:
    """Whether a name of a configuration is no knob of its arm: a clone, other draws, classifier settings."""
    return name in EXTRAS or "." in name


def size_name(majority: int, minority: int) -> str:
    """How a configuration calls draws of another size: ``2000:15``."""
    return f"{majority}:{minority}"


def scene_of(extras: Mapping[str, Value]) -> str:
    """The draws that a cell runs on: those of the confirmation, of a size, or the design's, ``""``."""
    return str(extras.get("draws") or extras.get("imbalance") or "")


@dataclass(frozen=True)
class Cell:
    """One configuration: an arm with its knobs set.

    Attributes:
        arm: name of the method.
        settings: knobs that have levels, with their values, sorted by name; the others stay at
            their defaults.
        stage: ``design`` for the fixed table, ``control`` for A/A clones, ``robustness`` for other
            settings of the classifier, ``exploit`` for what the search proposes, ``confirm`` for fresh draws.
        number: position in the sweep, from 0.
        classifier: what it is run for.
        extras: what else the configuration says, sorted by name: see ``is_extra``.
        encoder: what makes its embeddings, where the sweep has several and it is not the first; else "".
    """

    arm: str
    settings: Settings
    stage: Stage
    number: int
    classifier: str = DEFAULT
    extras: Settings = ()
    encoder: str = ""

    def method(self) -> Method:
        """Return the method with these knobs.

        Raises:
            SynaugError: SPEC when a knob is unknown or a value outside its domain.
        """
        return METHODS[self.arm](**dict(self.settings))

    @property
    def group(self) -> str:
        """Its classifier, and its encoder if it is not the first: cells of a group share an arm's study."""
        return f"{self.encoder}.{self.classifier}" if self.encoder else self.classifier

    @property
    def scene(self) -> str:
        """The draws that it runs on: see ``scene_of``."""
        return scene_of(dict(self.extras))

    def config(self, spec: Spec, data: str, encoder: str) -> dict[str, Value]:
        """Return the configuration as records show it; ``data`` and the first ``encoder`` are names."""
        return {
            "data": data,
            "encoder": self.encoder or encoder,
            "classifier": self.classifier,
            "steps": spec.classifier_named(self.classifier).steps,
            "arm": self.arm,
            **dict(self.settings),
            **dict(self.extras),
        }


def cell_of(config: Mapping[str, Value], stage: Stage, number: int, encoders: Collection[str] = ()) -> Cell:
    """Return the cell of a recorded configuration; ``encoders`` are those of the sweep after the first."""
    more = {name: value for name, value in config.items() if name not in BASE_FIELDS}
    knobs = {name: value for name, value in more.items() if not is_extra(name)}
    extras = {name: value for name, value in more.items() if is_extra(name)}
    classifier = str(config.get("classifier", DEFAULT))
    encoder = str(config.get("encoder", ""))
    return Cell(
        str(config["arm"]), settings_of(knobs), stage, number, classifier, settings_of(extras),
        encoder if encoder in encoders else "",
    )  # fmt: skip


def protocol(spec: Spec, classifier: str | None = None) -> dict[str, Any]:
    """Return how the cells of a classifier are measured: imbalance, folds, classifier, precision, root seed.

    Args:
        spec: the sweep.
        classifier: its name; None: the first one.
    """
    found = spec.model_dump(mode="json", include={"imbalance", "folds", "precision", "seed"})
    chosen = spec.classifier if classifier is None else spec.classifier_named(classifier)
    return found | {"classifier": chosen.model_dump(mode="json")}


def trial_key(
    config: Mapping[str, Value],
    data_digest: str,
    encoder_digest: str,
    protocol: Mapping[str, Any],
    engine_version: int,
) -> str:
    """Return the name of a cell's numbers: 16 hexadecimal digits of all they depend on."""
    parts = {
        "config": config,
        "data": data_digest,
        "encoder": encoder_digest,
        "protocol": protocol,
        "engine_version": engine_version,
    }
    return sha256(parts)[:16]


def planned_cells(spec: Spec) -> tuple[Cell, ...]:
    """List the cells that are known before the run, each once: the design, then what stands around it.

    Around it stand, for the first encoder and classifier, every arm's default at other sizes (they are part
    of the design), A/A clones and the Sobol block over the classifier's settings. Searched and confirmed
    cells follow as they are found.
    """
    cells, first = list(design_cells(spec)), spec.classifier.name
    default = {arm: settings_of(defaults(spec, arm)) for arm in spec.arms}
    for size in spec.sizes:
        extras = settings_of({"imbalance": size_name(*size)})
        cells += [Cell(arm, values, "design", 0, first, extras) for arm, values in default.items()]
    for arm in cloned_arms(spec):
        numbers = range(1, spec.controls + 1)
        cells += [Cell(arm, default[arm], "control", 0, first, (("nuisance", n),)) for n in numbers]
    for point in sobol_points(spec):
        cells += [Cell(arm, values, "robustness", 0, first, point) for arm, values in default.items()]
    return tuple(replace(cell, number=number) for number, cell in enumerate(cells))


def cloned_arms(spec: Spec) -> tuple[str, ...]:
    """Arms that A/A clones are made of: ``none``, and ``smote`` or the first arm with synthetic rows."""
    makers = [arm for arm in spec.arms if METHODS[arm].synthesises()]
    maker = "smote" if "smote" in makers else next(iter(makers), None)
    return tuple(arm for arm in ("none", maker) if arm in spec.arms)


def sobol_points(spec: Spec) -> list[Settings]:
    """Settings of the classifier in the robustness block: scrambled Sobol points on log scales."""
    block = spec.robustness
    if not block.points:
        return []
    import numpy as np
    from scipy.stats import qmc

    ends = np.log([block.learning_rate, block.weight_decay, block.hidden])  # (3, 2)
    unit = qmc.Sobol(len(ends), rng=np.random.default_rng([spec.seed, *SOBOL])).random(block.points)
    values = np.exp(ends[:, 0] + unit * (ends[:, 1] - ends[:, 0]))  # (points, 3)
    return [
        settings_of(
            {
                "mlp.learning_rate": float(f"{rate:.4g}"),
                "mlp.weight_decay": float(f"{decay:.4g}"),
                "mlp.hidden": round(float(hidden)),
            }
        )
        for rate, decay, hidden in values
    ]


def confirm_cells(spec: Spec, winners: Mapping[str, Settings], number: int) -> tuple[Cell, ...]:
    """Cells of the confirmation: every arm's default, its best cell on the folds, and the A/A clones.

    Args:
        spec: the sweep.
        winners: settings of each arm's best cell.
        number: position of the first.
    """
    fresh: Settings = (("draws", CONFIRM),)
    found: dict[tuple[str, Settings, Settings], None] = {}
    for arm in spec.arms:
        default = settings_of(defaults(spec, arm))
        for settings in (default, winners.get(arm, default)):
            found[arm, settings, fresh] = None
    for arm in cloned_arms(spec):
        for n in range(1, spec.controls + 1):
            extras = settings_of({"draws": CONFIRM, "nuisance": n})
            found[arm, settings_of(defaults(spec, arm)), extras] = None
    return tuple(
        Cell(arm, settings, "confirm", number + i, spec.classifier.name, extras)
        for i, (arm, settings, extras) in enumerate(found)
    )


def design_cells(spec: Spec) -> tuple[Cell, ...]:
    """List the cells of the spec's design, each once: every arm's default first, then arm by arm.

    Where there are several classifiers and encoders, both parts are there for each pair of them; where
    ``encoder_design`` is ``defaults``, the encoders after the first have the first part alone.

    ``defaults`` has no others; ``one_factor`` moves one knob at a time over its levels;
    ``factorial`` crosses all levels of an arm (its default cell is there even if it is not a crossing).

    Cells of costly arms and classifiers come first in both parts, so that the end of a sweep does not wait
    for one of them.
    """
    first = {(arm, settings_of(defaults(spec, arm))): None for arm in spec.arms}
    others = {(arm, settings_of(values)): None for arm in spec.arms for values in _variations(spec, arm)}
    names = [classifier.name for classifier in spec.every_classifier]
    encoders = ("", *spec.other_encoders)
    wide = encoders if spec.encoder_design == "all" else encoders[:1]
    later = [point for point in others if point not in first]
    found = [*_costly_first(product(encoders, names, first)), *_costly_first(product(wide, names, later))]
    return tuple(
        Cell(arm, settings, "design", number, classifier, encoder=encoder)
        for number, (encoder, classifier, (arm, settings)) in enumerate(found)
    )


def _costly_first(points: Iterable[tuple[str, str, _Point]]) -> list[tuple[str, str, _Point]]:
    return sorted(points, key=lambda point: not (METHODS[point[2][0]].costly or CLASSIFIERS[point[1]].costly))


def _variations(spec: Spec, arm: str) -> Iterator[dict[str, Value]]:
    base, levels = defaults(spec, arm), arm_levels(spec, arm)
    if spec.design == "one_factor":
        for name, values in levels.items():
            yield from ({**base, name: value} for value in values)
    elif spec.design == "factorial":
        for values in product(*levels.values()):
            yield dict(zip(levels, values, strict=True))


def plan_lines(cells: Iterable[Cell]) -> str:
    """Write cells as the text of ``plan.jsonl``, one a line."""
    return "".join(canonical_json(planned(cell)) + "\n" for cell in cells)


def planned(cell: Cell) -> dict[str, Any]:
    """Return a cell as ``plan.jsonl`` has it."""
    return {
        "number": cell.number,
        "stage": cell.stage,
        **({"encoder": cell.encoder} if cell.encoder else {}),
        "classifier": cell.classifier,
        "arm": cell.arm,
        "settings": dict(cell.settings) | dict(cell.extras),
    }
