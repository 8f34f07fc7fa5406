"""What a sweep declares before it runs: the margin that matters and the families of comparisons."""

from __future__ import annotations

from collections.abc import Mapping

MARGIN = 0.5  # points of balanced accuracy: what counts as a difference that matters
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "F1": tuple(f"smote against {arm}" for arm in ("none", "logit_adjust", "class_weight", "ros", "vae"))
}
KNOBS, EXPLORATORY = "F2", "F3"  # families that no spec declares: knobs of one arm, and all the rest
MADE = (KNOBS, EXPLORATORY)


def arms_of(comparison: str) -> tuple[str, str]:
    """The two arms of ``B against A``, as (B, A).

    Raises:
        ValueError: other text, or an arm against itself.
    """
    second, against, first = comparison.partition(" against ")
    if not against or not second or not first or " " in second + first or first == second:
        raise ValueError(f"expected two arms such as 'smote against none', got {comparison!r}")
    return second, first
