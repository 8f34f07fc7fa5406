"""Specs: a sweep's YAML, read, checked and resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synaug.errors import Exit, Problem, SynaugError, did_you_mean
from synaug.knobs import Value

from .spec_check import check
from .spec_model import Spec
from .spec_yaml import Document, Keys, load_file, parse

__all__ = ["Spec", "diff_fields", "load_spec", "presets"]

PRESETS = Path(__file__).parent / "presets"
DEFAULT = "quickstart"

Override = str | tuple[str, Value] | tuple[str, Value, str]


def presets() -> tuple[str, ...]:
    """Names of the specs that come with the package."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.yaml")))


def load_spec(
    source: str | Path | Mapping[str, Any] | None = None,
    overrides: Sequence[Override] = (),
    *,
    data: str | None = None,
    name: str | None = None,
) -> Spec:
    """Read, override, check and resolve a spec.

    Args:
        source: the name of a preset, a YAML file, or the fields themselves; None: the quickstart.
        overrides: ``"a.b=value"``, the value read as YAML, or ``("a.b", value)`` taken as it is; a
            third part says where it came from, for messages.
        data: another data source. Columns named for a hub data set do not go over to local data,
            and what names the classes of the built-in corpus does not go over to other data.
        name: the name of the sweep; without it the spec's own, else that of its file.

    Raises:
        SynaugError: SPEC with every problem found, INTEGRITY for Python objects in the YAML, DATA
            when only the number of folds is wrong.

    Example:
        >>> load_spec("quickstart", ["replicates=3"]).replicates
        3
    """
    document = _read(DEFAULT if source is None else source)
    if not isinstance(document.value, Mapping | None):
        return check(document)
    value, lines = _copy(document.value or {}), dict(document.lines)
    if data is not None:
        _replace_data(value, data)
        lines["data", "source"] = "--data"
    for keys, given, place in _parsed(overrides):
        _set(value, keys, given)
        lines = {k: line for k, line in lines.items() if k[: len(keys)] != keys}
        lines[keys] = place
    fallback = value.get("name", Path(document.place).stem)
    value["name"] = fallback if name is None else name
    if name is not None:
        lines["name",] = "the last part of --out"
    return check(Document(document.name, document.place, value, lines))


def diff_fields(old: Spec, new: Spec) -> dict[str, tuple[Any, Any]]:
    """Return old and new value of the fields in which two specs differ and which a run may not change."""
    before, after = _flat(old.hashed()), _flat(new.hashed())
    pairs = {name: (before.get(name), after.get(name)) for name in {**before, **after}}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _read(source: str | Path | Mapping[str, Any]) -> Document:
    if isinstance(source, Mapping):
        return Document("spec", "sweep", dict(source))
    if source in presets():
        return load_file(PRESETS / f"{source}.yaml")
    path = Path(source)
    if path.is_file():
        return load_file(path)
    near = [*presets(), *(str(p) for p in path.parent.glob("*.y*ml"))]
    problem = Problem(
        f"no preset or file {str(source)!r}{did_you_mean(str(source), near)}",
        where=str(path.absolute()),
        fix="give a YAML file or one of the presets: " + ", ".join(presets()),
        code="D52",
    )
    raise SynaugError(problem, Exit.SPEC)


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value


def _replace_data(value: dict[str, Any], source: str) -> None:
    """Put another data source in place, without the fields that speak of the old one only."""
    old = value.get("data")
    data = dict(old) if isinstance(old, Mapping) else {}
    before = str(data.get("source", "builtin"))
    if before == "builtin" != source:
        data = {}
        value.pop("imbalance", None)
    elif before.startswith("hf://") and not source.startswith("hf://"):
        data = {k: v for k, v in data.items() if k not in ("text_col", "label_col")}
    value["data"] = {**data, "source": source}


def _parsed(overrides: Sequence[Override]) -> list[tuple[Keys, Any, str]]:
    """Split overrides into the way to a field, its new value and where that was given."""
    parsed: list[tuple[Keys, Any, str]] = []
    problems: list[Problem] = []
    for override in overrides:
        name, equals, text = override.partition("=") if isinstance(override, str) else (override[0], "=", "")
        if not equals or not name.strip():
            fix = "write the field, = and the value: --set space.k=[1,5]"
            problems.append(
                Problem(f"--set {override}: expected field=value", "the command line", fix, "D54")
            )
            continue
        first, dot, rest = name.strip().partition(".")
        keys = (first, rest) if dot and first == "space" else tuple(name.strip().split("."))
        try:
            value = parse(text, _flag(keys)).value if isinstance(override, str) else override[1]
            place = override[2] if not isinstance(override, str) and len(override) == 3 else _flag(keys)
            parsed.append((keys, value, place))
        except SynaugError as error:
            if error.exit is not Exit.SPEC:
                raise
            problems += error.problems
    if problems:
        raise SynaugError(problems, Exit.SPEC)
    return parsed


def _flag(keys: Keys) -> str:
    return "--set " + ".".join(map(str, keys))


def _set(value: dict[str, Any], keys: Keys, given: Any) -> None:
    part: Any = value
    for position, key in enumerate(keys[:-1], start=1):
        if part.get(key) is None:
            part[key] = {}
        part = part[key]
        if not isinstance(part, dict):
            name = ".".join(map(str, keys[:position]))
            text, fix = f"{_flag(keys)}: {name} has no fields", f"set {name} as a whole"
            problem = Problem(text, "the command line", fix, "D54")
            raise SynaugError(problem, Exit.SPEC)
    part[keys[-1]] = given


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            flat |= _flat(item, f"{prefix}{key}.")
        else:
            flat[prefix + key] = item
    return flat
