"""Which levels the knobs of an arm take in a sweep: the spec's, or else the knob's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from synaug.errors import did_you_mean
from synaug.knobs import Knob, Value
from synaug.methods import METHODS

from .spec_model import Spec
from .spec_part import Finding
from .spec_yaml import Keys

LEVEL_CODES = {"ratio": "D20", "metric": "D23"}  # of levels outside their domain; D22 of other knobs

Settings = tuple[tuple[str, Value], ...]  # knobs and values, sorted by name


def settings_of(values: Mapping[str, Value]) -> Settings:
    """Return knob values in the one order that makes equal configurations equal."""
    return tuple(sorted(values.items()))


def arm_levels(spec: Spec, arm: str) -> dict[str, tuple[Value, ...]]:
    """Levels of every knob of an arm that has any, in the order of its declaration.

    ``arm.knob`` in the spec's space goes before ``knob``, and both before the knob's own levels.
    A knob with one level is fixed at it.
    """
    levels = {}
    for knob in METHODS[arm].knobs():
        given = spec.space.get(f"{arm}.{knob.name}") or spec.space.get(knob.name) or knob.levels
        if given:
            levels[knob.name] = tuple(dict.fromkeys(knob.clean(value) for value in given))
    return levels


def defaults(spec: Spec, arm: str) -> dict[str, Value]:
    """Values of the knobs with levels in the arm's default cell: the default, or the only level."""
    levels = arm_levels(spec, arm)
    knobs = {knob.name: knob for knob in METHODS[arm].knobs()}
    return {
        name: values[0] if len(values) == 1 else knobs[name].clean(knobs[name].default)
        for name, values in levels.items()
    }


def resolve(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Check ``arms`` and ``space`` of a spec and write them out.

    Returns:
        The spec with all arms named, in registry order, and levels in their one spelling, without
        those of arms that the sweep does not have; and what is wrong, in which case the spec is
        returned as it came.
    """
    arms, findings = _arms(raw.get("arms"))
    space = {} if raw.get("space") is None else raw["space"]
    if not isinstance(space, Mapping):
        findings.append(Finding(("space",), f"expected knobs with lists of levels, got {space!r}"))
        space = {}
    for key, levels in space.items():
        findings += _levels(str(key), levels)
    if findings:
        return dict(raw), findings
    cleaned = {
        key: [targets[0][1].clean(value) for value in levels]
        for key, levels in space.items()
        if (targets := _targets(key, arms))
    }
    return {**raw, "arms": list(arms), "space": cleaned}, []


def _arms(raw: Any) -> tuple[tuple[str, ...], list[Finding]]:
    known = METHODS.names()
    if raw is None:
        return tuple(arm for arm in known if METHODS[arm].core), []
    fix = "use one or more of " + ", ".join(known)
    if not isinstance(raw, list | tuple) or not raw:
        return known, [Finding(("arms",), f"expected a list of arms, got {raw!r}", fix)]
    findings = []
    for number, arm in enumerate(raw):
        if arm not in known:
            hint = did_you_mean(arm, known) if isinstance(arm, str) else ""
            findings.append(Finding(("arms", number), f"unknown arm {arm!r}{hint}", fix, code="D24"))
        elif arm in raw[:number]:
            findings.append(Finding(("arms", number), f"{arm!r} is given twice", "keep one of them"))
    return tuple(arm for arm in known if arm in raw), findings


def _targets(key: str, arms: Iterable[str]) -> list[tuple[str, Knob]]:
    """The arms and knobs that a key of the space speaks of."""
    arm, _, name = key.rpartition(".")
    return [(a, knob) for a in arms if arm in ("", a) for knob in METHODS[a].knobs() if knob.name == name]


def _levels(key: str, levels: Any) -> list[Finding]:
    keys: Keys = ("space", key)
    targets = _targets(key, METHODS.names())
    if not targets:
        return [_unknown(key)]
    if not isinstance(levels, list | tuple) or not levels:
        fix = "one level fixes the knob: [value]"
        return [Finding(keys, f"expected a list of levels, got {levels!r}", fix)]
    findings = []
    for number, value in enumerate(levels):
        problems = {knob.domain.problem(value): None for _, knob in targets}
        code = LEVEL_CODES.get(targets[0][1].name, "D22")
        fixes = f"use {targets[0][1].domain}"
        findings += [
            Finding((*keys, number), text, fixes, code=code) for text in problems if text is not None
        ]
        if any(value == other and type(value) is type(other) for other in levels[:number]):
            findings.append(Finding((*keys, number), f"level {value!r} is given twice", "keep one of them"))
    return findings


def _unknown(key: str) -> Finding:
    arm, dot, name = key.rpartition(".")
    if dot and arm not in METHODS:
        text = f"unknown arm {arm!r}{did_you_mean(arm, METHODS.names())}"
        return Finding(("space", key), text, "arms: " + ", ".join(METHODS), code="D24")
    arms = (arm,) if dot else METHODS.names()
    known = sorted({knob.name for a in arms for knob in METHODS[a].knobs()})
    text = f"unknown knob {name!r}{did_you_mean(name, known)}"
    fix = f"use one of the knobs{f' of {arm}' if dot else ''}: {', '.join(known) or 'none'}"
    return Finding(("space", key), text, fix, code="D37")
