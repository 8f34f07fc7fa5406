"""What a sweep declares before it runs: the margin that matters and the families of comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synaug.errors import did_you_mean

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


def check_families(families: Mapping[str, Sequence[str]], known: Sequence[str]) -> None:
    """Refuse families that the analysis makes itself, unknown arms, and a comparison that is there twice.

    Raises:
        ValueError: saying which.
    """
    if made := sorted(set(families) & set(MADE)):
        raise ValueError(f"{' and '.join(MADE)} are made by the analysis, declare others than {made}")
    texts = [text for members in families.values() for text in members]
    for text in texts:
        for arm in arms_of(text):
            if arm not in known:
                raise ValueError(f"unknown arm {arm!r}{did_you_mean(arm, known)} in {text!r}")
    if len({frozenset(arms_of(text)) for text in texts}) < len(texts):
        raise ValueError("expected each comparison in one family, once")
