"""What of a spec only the data and the encoders can tell to be wrong."""

from __future__ import annotations

from collections.abc import Sequence

from synaug.errors import Exit, Problem, SynaugError, did_you_mean
from synaug.methods import METHODS

from .space import arm_levels
from .spec_model import Minority, Spec


def check_against(spec: Spec, classes: Sequence[str], dimensions: int) -> None:
    """Check what only the data and the encoder can tell.

    Args:
        spec: the spec.
        classes: names of the classes of the data, after renaming.
        dimensions: numbers in an embedding.

    Raises:
        SynaugError: SPEC with every problem: an unknown or only minority class, a latent space
            larger than the embedding.
    """
    problems = [*_minority_problems(spec, classes), *_latent_problems(spec, dimensions)]
    if problems:
        raise SynaugError(problems, Exit.SPEC)


def _minority_problems(spec: Spec, classes: Sequence[str]) -> list[Problem]:
    if not isinstance(spec.imbalance, Minority):
        return []
    field, fix = "imbalance.minority", "classes of the data: " + ", ".join(classes)
    problems = [
        Problem(f"{field}[{i}]: unknown class {name!r}{did_you_mean(name, classes)}", None, fix, "D55")
        for i, name in enumerate(spec.imbalance.minority)
        if name not in classes
    ]
    if set(classes) <= set(spec.imbalance.minority):
        text = f"{field}: expected one, some or all but one of the classes, got all"
        problems.append(Problem(text, fix=fix, code="D55"))
    return problems


def _latent_problems(spec: Spec, dimensions: int) -> list[Problem]:
    problems = []
    for arm in spec.arms:
        for knob in METHODS[arm].knobs():
            levels = arm_levels(spec, arm).get(knob.name, ()) or (knob.default,)
            wide = [level for level in levels if isinstance(level, int) and level > dimensions]
            if knob.name == "latent" and wide:
                text = f"expected at most the {dimensions} numbers of an embedding, got {max(wide)}"
                fix = f"--set space.{arm}.latent=[...] with smaller levels"
                problems.append(Problem(f"space.{arm}.latent: {text}", fix=fix, code="D25"))
    return problems
